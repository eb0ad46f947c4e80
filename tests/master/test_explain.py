"""`penstock explain`: the question as it is typed, and the answer as it is printed."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from daemon import environment
from deadline import seconds

from penstock.master.explain import BadEnd, end_of, question_of
from penstock.shared.model.stream import Stream

CONFIG = """
events {}
stream {
    stream_listen 127.0.0.1:5555;
    service s { url tcp://127.0.0.1:1; }
    route r { protocols tls; snis a.test; service s; plugin ip-restriction { deny 10.0.0.0/8; } }
    plugin file-log { path x; }
    plugin ip-restriction { deny 10.0.0.0/8; }
}
"""


def explained(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    (folder / "c").write_text(CONFIG)
    return subprocess.run(
        (sys.executable, "-m", "penstock", "-p", str(folder), "-c", "c", "explain", *arguments),
        env=environment(),
        capture_output=True,
        text=True,
        timeout=seconds(30),
        check=False,
    )


def test_people_get_lines_and_programs_json(tmp_path: Path) -> None:
    lines = explained(tmp_path, "--sni", "a.test").stdout.splitlines()
    assert lines[3].split()[:3] == ["route", "r", "(tls)"]
    assert json.loads(explained(tmp_path, "--sni", "a.test", "--json").stdout)["route"]["name"] == "r"


def test_a_refusal_is_an_answer_too(tmp_path: Path) -> None:
    result = explained(tmp_path, "--plain")
    assert (result.returncode, result.stderr) == (0, "")
    assert "plain_refused" in result.stdout


def test_what_is_no_address_is_said(tmp_path: Path) -> None:
    result = explained(tmp_path, "--from", "somewhere")
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr == 'penstock: "somewhere" has no IP address, expected IP:PORT\n'


@pytest.mark.parametrize(
    ("text", "end"),
    [
        ("10.0.0.1", ("10.0.0.1", 0)),
        ("10.0.0.1:5", ("10.0.0.1", 5)),
        ("::1", ("::1", 0)),
        ("[::1]:5", ("::1", 5)),
        (":5", ("", 5)),
    ],
)
def test_an_end_of_a_connection(text: str, end: tuple[str, int]) -> None:
    assert end_of(text) == end


@pytest.mark.parametrize("text", ["10.0.0.1", "x:5", "10.0.0.1:x", "10.0.0.1:66000", "[::1]"])
def test_a_destination_needs_a_port(text: str) -> None:
    with pytest.raises(BadEnd):
        end_of(text, needs_port=True)


def test_a_question_with_nothing_said() -> None:
    question = question_of({}, Stream())
    assert (question.tls, question.sni, question.source) == (True, None, ("127.0.0.1", 0))


def test_the_plugins_of_a_connection_are_told_in_their_order(tmp_path: Path) -> None:
    found = json.loads(explained(tmp_path, "--sni", "a.test", "--json").stdout)["plugins"]
    assert [(each["name"], each["scope"], each["priority"]) for each in found] == [
        ("ip-restriction", "route", 990),
        ("file-log", "global", 9),
    ]
    lines = explained(tmp_path, "--sni", "a.test").stdout.splitlines()
    assert [line.split()[1:3] for line in lines if line.startswith("plugin")] == [
        ["ip-restriction", "(route)"],
        ["file-log", "(global)"],
    ]
    assert "plugins" not in json.loads(explained(tmp_path, "--plain", "--json").stdout)
