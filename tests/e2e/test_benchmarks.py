"""The benchmarks still run: one figure of each kind, for Penstock alone, as short as they can be."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest
from daemon import environment
from deadline import seconds

ROOT: Final = Path(__file__).parent.parent.parent


@pytest.mark.parametrize("figures", ["plain,handshake", "idle,latency"])
def test_a_quick_run_measures_penstock(tmp_path: Path, figures: str) -> None:
    out = tmp_path / "results.json"
    command = [sys.executable, str(ROOT / "benchmarks" / "run.py"), "--quick", "--rounds", "1"]
    done = subprocess.run(
        [*command, "--subjects", "penstock", "--only", figures, "--json", str(out)],
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=seconds(100),
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    measured = json.loads(out.read_text())["figures"]
    assert measured
    for figure in measured:
        assert figure["disqualified"] == {}
        assert [sample["value"] > 0 for sample in figure["samples"]["penstock"]] == [True]
