"""A started Penstock held against its own OpenAPI document by schemathesis."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Final

from administered import Administered
from daemon import environment
from deadline import seconds

CONFIG = """
admin_listen 127.0.0.1:%%PORT_admin%%;
stream { stream_listen 127.0.0.1:%%PORT_one%%; }
"""
CHECKS: Final = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
    "response_headers_conformance",
)
"""Without those of data: Kong's rules between fields are more than a schema says; it passes over unknown queries."""


def test_every_operation_answers_as_the_document_says(tmp_path: Path) -> None:
    with Administered(tmp_path, CONFIG) as gate:
        gate.post("/services", {"name": "s", "url": "tcp://127.0.0.1:9"})
        gate.post("/services/s/routes", {"name": "r", "protocols": "tls", "snis": "a.test"})
        result = subprocess.run(
            (
                sys.executable, "-m", "schemathesis.cli", "run",
                f"http://127.0.0.1:{gate.port('admin')}/openapi.json",
                "--exclude-path", "/reload", "--max-examples", "4", "--phases", "fuzzing,stateful",
                "--checks", ",".join(CHECKS), "--seed", "1", "--generation-database", "none", "--no-color",
            ),
            cwd=tmp_path,
            env=environment(),
            capture_output=True,
            text=True,
            timeout=seconds(90),
            check=False,
        )  # fmt: skip
        assert result.returncode == 0, result.stdout[-8000:] + result.stderr[-2000:]
        assert gate.ask("GET", "/status").status == 200
