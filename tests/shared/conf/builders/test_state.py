"""`state`: the servers of an upstream in a file of their own."""

from __future__ import annotations

import pytest
from builds import DIRECTORY, Files, mistake, stream

STATE = "upstream u { zone u 64k; state servers.conf; }"


def names(content: str) -> list[tuple[str, int]]:
    """The peers of a state file."""
    peers = stream(STATE, {"servers.conf": content}).upstreams["u"].peers
    return [(peer.name, peer.weight) for peer in peers]


def test_the_servers_of_a_state_file_are_those_of_the_upstream() -> None:
    content = "# written by a program\nserver 10.0.0.1:80 weight=3;\nserver two.test:81;\n"
    assert names(content) == [("10.0.0.1:80", 3), ("two.test:81", 1), ("two.test:81", 1)]


def test_a_state_file_may_lie_elsewhere() -> None:
    text = "upstream u { state /var/lib/u.conf; }"
    (peer,) = stream(text, {"/var/lib/u.conf": "server 10.0.0.1:80;"}).upstreams["u"].peers
    assert peer.name == "10.0.0.1:80"


@pytest.mark.parametrize("files", [{}, {"servers.conf": ""}, {"servers.conf": "# none\n"}])
def test_without_servers_the_upstream_is_empty(files: Files) -> None:
    assert stream(STATE, files).upstreams["u"].peers == ()


def test_servers_in_the_block_and_in_a_file_are_a_mistake() -> None:
    error = mistake("upstream u { server 10.0.0.1:80; state servers.conf; }")
    assert error.text == '"server" directive cannot be used along with "state"'


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("server 10.0.0.1:80", 'unexpected end of file, expecting ";" or "}"'),
        ("server 10.0.0.1:80 wait=3;", 'invalid parameter "wait=3"'),
        ("server;", 'invalid number of arguments in "server" directive'),
        ("server 10.0.0.1;", 'no port in upstream "10.0.0.1"'),
        ("least_conn;", '"least_conn" directive is not allowed in a state file'),
        ("server 10.0.0.1:80 backup;", 'no servers in upstream "u"'),
    ],
)
def test_a_mistake_in_a_state_file_is_told_where_it_is(content: str, text: str) -> None:
    error = mistake(STATE, {"servers.conf": content})
    assert error.text == text
    if "no servers" not in text:
        assert error.where is not None
        assert (error.where.file, error.where.line, error.line) == (f"{DIRECTORY}/servers.conf", 1, content)


def test_a_method_judges_the_servers_of_the_file() -> None:
    error = mistake("upstream u { hash $pid; state servers.conf; }", {"servers.conf": "server 10.0.0.1:80 backup;"})
    assert error.text == 'balancing method does not support parameter "backup"'


def test_a_state_file_that_cannot_be_read_is_told() -> None:
    error = mistake(STATE, {"servers.conf": b"\xff"})
    assert error.text == f'"{DIRECTORY}/servers.conf" is not a text in UTF-8'
