"""A real Prometheus."""

from __future__ import annotations

import json
import subprocess
import urllib.parse
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from deadline import seconds
from needs import program
from ports import free_port, release


class Prometheus:
    """A real one that scrapes `port` every second; use it in a `with`."""

    def __init__(self, directory: Path, port: int, rules: Path | None = None) -> None:
        self.port = free_port()
        config = directory / "prometheus.yml"
        scrape = {"job_name": "penstock", "static_configs": [{"targets": [f"127.0.0.1:{port}"]}]}
        every = {"scrape_interval": "1s", "evaluation_interval": "1s"}
        files = [str(rules)] if rules is not None else []
        config.write_text(
            json.dumps({"global": every, "rule_files": files, "scrape_configs": [scrape]})
        )  # JSON is YAML
        with (directory / "prometheus.log").open("wb") as log:
            self.process = subprocess.Popen(
                [
                    program("prometheus"),
                    f"--config.file={config}",
                    f"--storage.tsdb.path={directory}/tsdb",
                    f"--web.listen-address=127.0.0.1:{self.port}",
                ],
                stdout=log,
                stderr=log,
            )

    def api(self, path: str, **values: str) -> Any:
        """What an endpoint of the API answers; None while it does not."""
        url = f"http://127.0.0.1:{self.port}/api/v1/{path}?{urllib.parse.urlencode(values)}"
        try:
            with urllib.request.urlopen(url, timeout=seconds(10)) as answer:
                return json.load(answer)["data"]
        except (OSError, ValueError):
            return None

    def value(self, query: str) -> float | None:
        """The first value of an instant query."""
        found = self.api("query", query=query)
        return float(found["result"][0]["value"][1]) if found and found["result"] else None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.process.terminate()
        self.process.wait(seconds(20))
        release(self.port)
