"""A real Penstock, started on a configuration text."""

from __future__ import annotations

import http.client
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from daemon import EVENTS, Daemon, environment
from deadline import seconds, wait_for
from filling import Filling
from prometheus_client.parser import text_string_to_metric_families

METRICS: Final = "%%PORT_metrics%%"


class Metrics:
    """One scrape."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]

    def value(self, name: str, **labels: str) -> float:
        """The sum of the samples that carry at least these labels."""
        return sum(s.value for s in self.samples if s.name == name and labels.items() <= s.labels.items())

    def counters(self) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
        """Every sample that must never go back."""
        return {
            (s.name, tuple(sorted(s.labels.items()))): s.value
            for s in self.samples
            if s.name.endswith(("_total", "_count", "_sum", "_bucket"))
        }


class Gate(Daemon):
    """Penstock in the foreground, with metrics."""

    name = "penstock"

    def command(self) -> Sequence[str]:
        return (sys.executable, "-m", "penstock", "-p", str(self.directory), "-c", str(self.file))

    def preamble(self) -> str:
        lines = [
            "daemon off;",
            f"pid {self.pid_file};",
            f"error_log {self.error_log} info;",
            f"metrics_listen 127.0.0.1:{METRICS};",
        ]
        if os.geteuid() == 0:
            lines.append("user root;")
        return "\n".join(lines) + "\n"

    def metrics(self) -> Metrics:
        """Scrape it."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port("metrics"), timeout=seconds(10))
        try:
            connection.request("GET", "/metrics", headers={"Accept": "text/plain"})
            answer = connection.getresponse()
            text = answer.read().decode()
        finally:
            connection.close()
        assert answer.status == 200, text
        return Metrics(text)

    def metric(self, name: str, **labels: str) -> float:
        """One figure of a new scrape."""
        return self.metrics().value(name, **labels)

    def wait_metric(self, name: str, value: float, **labels: str) -> None:
        """Wait until a figure is `value`."""
        what = f"{name}{labels} is {value:g}"
        wait_for(lambda: self.metric(name, **labels) == value, what)

    def generation(self) -> float:
        """The number of the configuration in force."""
        return self.metric("penstock_config_generation")

    def reload(self, text: str | None = None, within: float = 15) -> None:
        """HUP, on a new text if one is given, and wait until the new generation is in force."""
        before = self.generation()
        if text is not None:
            self.write(text)
        self.signal(signal.SIGHUP)
        wait_for(lambda: self.generation() > before, "the new generation is in force", within)


class Tried:
    """A Penstock that is expected to end by itself: how it ended, and what it left."""

    def __init__(self, directory: Path, text: str, *flags: str, through: Sequence[str] = (), **values: object) -> None:
        filling = Filling(directory, values)
        self.directory = directory
        self.file = directory / "penstock.conf"
        self.file.write_text(filling.fill(f"daemon off; pid {directory}/penstock.pid; {EVENTS}{text}"))
        self.before = set(directory.iterdir())
        command = [*through, sys.executable, "-m", "penstock", "-p", str(directory), "-c", str(self.file), *flags]
        try:
            self.result = subprocess.run(
                command,
                cwd=directory,
                env=environment(),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=seconds(30),
                check=False,
            )
        finally:
            filling.close()

    @property
    def status(self) -> int:
        """The exit status."""
        return self.result.returncode

    @property
    def said(self) -> str:
        """What it wrote to its standard error."""
        return self.result.stderr

    def line_of(self, text: str) -> int:
        """The number of the first line of the test's own text that holds `text`."""
        lines = self.file.read_text().splitlines()
        return next(number for number, line in enumerate(lines, 1) if number > 1 and text in line)

    def left(self) -> set[str]:
        """What is there now and was not before, log files left out: they belong to a start (nginx leaves them too)."""
        return {path.name for path in set(self.directory.iterdir()) - self.before if path.suffix != ".log"}
