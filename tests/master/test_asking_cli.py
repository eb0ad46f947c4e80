"""Commands that ask the Penstock that runs."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from administered import Administered
from daemon import environment
from deadline import seconds

from penstock.master.asking_cli import cluster_lines, table, upstream_lines

TOKEN = "a-token-of-sixteen-and-more"
STREAM = """
stream {
    stream_listen 127.0.0.1:%%PORT_one%%;
    upstream pool { server 127.0.0.1:9; }
    service written { url tcp://pool:9; }
    route written { protocols tls; snis written.test; service written; }
}
"""
CONFIG = "admin_listen 127.0.0.1:%%PORT_admin%%; admin_auth token_file %%DIR%%/tokens;" + STREAM


def run(gate: Administered, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        (sys.executable, "-m", "penstock", "-p", str(gate.directory), "-c", str(gate.file), *words),
        env=environment(),
        capture_output=True,
        text=True,
        timeout=seconds(30),
        check=False,
    )


@pytest.fixture(scope="module")
def gate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Administered]:
    folder = tmp_path_factory.mktemp("gate")
    (folder / "tokens").write_text(TOKEN + "\n")
    with Administered(folder, CONFIG) as running:
        known = {"Authorization": f"Bearer {TOKEN}"}
        for path, form in (
            ("/services", {"name": "s", "url": "tcp://127.0.0.1:9"}),
            ("/services/s/routes", {"name": "stored", "protocols": "tls", "snis": "stored.test"}),
            ("/upstreams", {"name": "up"}),
            ("/upstreams/up/targets", {"target": "127.0.0.1:7", "weight": "5"}),
        ):
            assert running.ask("POST", path, form, headers=known).status == 201
        yield running


def test_explain_live_knows_what_is_stored(gate: Administered) -> None:
    assert "no_route" in run(gate, "explain", "--sni", "stored.test").stdout
    live = run(gate, "explain", "--live", "--sni", "stored.test")
    assert (live.returncode, "route         stored (tls)" in live.stdout) == (0, True)
    answer = json.loads(run(gate, "explain", "--live", "--json", "--sni", "written.test").stdout)
    assert answer["route"]["name"] == "written"
    refused = run(gate, "explain", "--live", "--from", "here")
    assert refused.returncode == 1
    assert 'schema violation (from: "here" has no IP address, expected IP:PORT)' in refused.stderr


def test_upstreams_with_their_health(gate: Administered) -> None:
    said = run(gate, "upstreams").stdout
    assert "pool (round-robin)\n  127.0.0.1:9" in said
    assert "up (round-robin)\n  127.0.0.1:7  weight 5" in said
    assert {each["name"] for each in json.loads(run(gate, "upstreams", "--json").stdout)} == {"pool", "up"}


def test_the_cluster(gate: Administered) -> None:
    lines = run(gate, "cluster").stdout.splitlines()
    assert lines[0] == "database sqlite, version 4"
    assert lines[1].split() == ["node", "host", "program", "version", "behind", "silent", "state"]
    assert "(this)" in lines[2]
    assert json.loads(run(gate, "cluster", "--json").stdout)["data"][0]["version"] == 4


def test_another_token_is_not_known(gate: Administered) -> None:
    tokens = gate.directory / "tokens"
    tokens.write_text("another-token-of-sixteen-and-more\n")
    try:
        result = run(gate, "cluster")
    finally:
        tokens.write_text(TOKEN + "\n")
    assert result.returncode == 1
    assert "does not know the token of this configuration: reload the server that runs" in result.stderr
    assert "another" not in result.stderr


def test_over_a_unix_socket_and_tls(tmp_path: Path) -> None:
    text = "admin_listen unix:%%DIR%%/a.sock ssl;" + STREAM
    with Administered(tmp_path, text) as gate:
        assert run(gate, "cluster").stdout.startswith("database sqlite, version 0\n")
        assert "unix:" in gate.file.read_text()
    gone = run(gate, "cluster")
    assert (gone.returncode, "is Penstock running" in gone.stderr) == (1, True)


@pytest.mark.parametrize(
    ("main", "text"),
    [
        ("", 'the configuration has no "admin_listen", so nobody can be asked: add "admin_listen 127.0.0.1:8001;"'),
        ("admin_listen 127.0.0.1:9 ssl; admin_auth mtls %%DIR%%/ca.crt;", "wants a client certificate"),
    ],
)
def test_where_nobody_can_be_asked_it_says_what_to_do(
    tmp_path: Path, main: str, text: str, request: pytest.FixtureRequest
) -> None:
    authority = request.getfixturevalue("authority")
    (tmp_path / "ca.crt").write_bytes(authority.file.read_bytes())
    gate = Administered(tmp_path, main + STREAM)
    try:
        result = run(gate, "upstreams")
    finally:
        gate.filling.close()
    assert result.returncode == 1
    assert text in result.stderr


def test_texts() -> None:
    assert list(upstream_lines([])) == ["no upstreams"]
    assert list(upstream_lines([{"name": "a", "algorithm": "x", "targets": []}])) == ["a (x)", "  no targets"]
    assert list(table([("a", "bb"), ("ccc", "d")])) == ["a    bb", "ccc  d"]
    assert next(iter(cluster_lines({"database": "off", "version": 1, "data": []}))) == "database off, version 1"
