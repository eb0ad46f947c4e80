"""What `penstock plugin new` writes works as it is: its own test passes, and a gateway runs it."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Final

import pytest
from certs import Authority
from daemon import environment
from deadline import seconds
from gate import Gate
from peers import Peer
from routed import LOG, visit

CONFIG: Final = (
    """
stream {
    stream_listen 127.0.0.1:%%PORT_one%%;
    certificate { ssl_certificate %%CRT%%; ssl_certificate_key %%KEY%%; }
    service up { url tcp://%%PEER_A%%; plugin doorman { names a.test; } }
    route up { protocols tls; destinations 127.0.0.1; service up; }
"""
    + LOG
    + "}\n"
)


def run(folder: Path, *words: str) -> str:
    """What a command says that ends well."""
    command = [sys.executable, "-m", *words]
    done = subprocess.run(
        command, cwd=folder, env=environment(), capture_output=True, text=True, timeout=seconds(90), check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def install(project: Path, site: Path) -> None:
    """What an installer does with a distribution: its package, and its entry points beside it."""
    described = tomllib.loads((project / "pyproject.toml").read_text())["project"]
    info = site / f"{described['name'].replace('-', '_')}-{described['version']}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {described['name']}\nVersion: {described['version']}\n"
    )
    lines = [f"{name} = {place}" for name, place in described["entry-points"]["penstock.plugins"].items()]
    (info / "entry_points.txt").write_text("\n".join(["[penstock.plugins]", *lines, ""]))
    for package in (project / "src").iterdir():
        package.rename(site / package.name)


def test_a_newcomer_s_plugin(
    tmp_path: Path, authority: Authority, peer_a: Peer, monkeypatch: pytest.MonkeyPatch
) -> None:
    project, site, folder = tmp_path / "doorman", tmp_path / "site", tmp_path / "gate"
    folder.mkdir()
    run(tmp_path, "penstock", "plugin", "new", "doorman", str(project))
    assert "3 passed" in run(project, "pytest", "-q", "-p", "no:cacheprovider")
    install(project, site)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, [str(site), os.environ.get("PYTHONPATH")])))
    pair = authority.issue("gate.test")
    with Gate(folder, CONFIG, PEER_A=peer_a, CRT=pair.crt, KEY=pair.key) as gate:
        for name, refusal in (("a.test", ""), ("b.test", "plugin")):
            with visit(gate) as client:
                assert client.tls(name) == (b"" if refusal else b"a")
                assert client.told().refusal == refusal
        gate.logged('connection refused: plugin: plugin "doorman": b.test is not on the list')
