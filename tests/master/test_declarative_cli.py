"""`penstock config`, as it is typed, beside a Penstock that runs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from administered import Administered
from daemon import environment
from deadline import seconds, wait_for
from declarations import DOCUMENT

CONFIG = "admin_listen 127.0.0.1:%%PORT_admin%%; stream { stream_listen 127.0.0.1:%%PORT_one%%; }"


def config(gate: Administered, *words: str) -> tuple[int, str]:
    result = subprocess.run(
        (sys.executable, "-m", "penstock", "-p", str(gate.directory), "-c", str(gate.file), "config", *words),
        env=environment(),
        capture_output=True,
        text=True,
        timeout=seconds(30),
        check=False,
    )
    return result.returncode, result.stdout + result.stderr


def test_what_is_imported_is_in_force_where_penstock_runs(tmp_path: Path) -> None:
    file = tmp_path / "kong.yml"
    file.write_text(DOCUMENT)
    with Administered(tmp_path, CONFIG) as gate:
        assert config(gate, "parse", str(file)) == (0, "parse successful\n")
        status, said = config(gate, "diff", str(file))
        assert (status, said.splitlines()[-1]) == (2, "3 created")
        assert config(gate, "import", str(file)) == (0, "import successful: 3 created\n")
        wait_for(lambda: gate.ask("GET", "/routes/r").status == 200, "the server has followed")
        assert gate.ask("POST", "/explain", {"sni": "r.test"}).body["route"]["name"] == "r"
        assert gate.ask("PATCH", "/routes/r", {"snis": "q.test"}).status == 200
        assert "snis" in config(gate, "diff", str(file))[1]
        assert "q.test" in config(gate, "db_export")[1]
        assert config(gate, "export", str(tmp_path / "out.yml"))[0] == 0
        assert config(gate, "db_import", str(tmp_path / "out.yml")) == (0, "import successful: nothing changed\n")
