"""How words are written: quotes, escapes and variables; the same on nginx and on Penstock."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from clients import ask
from daemon import Daemon
from oracle import PROGRAMS, oracle

WORDS = [
    # as it is written, what it means
    ('"a\\tb"', "a\tb"),
    ('"a\\nb"', "a\nb"),
    ('"a\\rb"', "a\rb"),
    ('"a\\"b"', 'a"b'),
    ("'a\\'b'", "a'b"),
    ('"a\\\\b"', "a\\b"),
    ('"a\\xb"', "a\\xb"),
    ("a\\;b", "a\\;b"),
    ("a\\ b", "a\\ b"),
    ('a\\"b', 'a"b'),
    ('"a\\$protocol"', "a\\TCP"),
    ("a\\{b", "a\\{b"),
    ("'a\\\"b'", 'a"b'),
    ('"a;b"', "a;b"),
    ('"a#b"', "a#b"),
    ("a#b", "a#b"),
    ('"a{b}c"', "a{b}c"),
    ('a"b"c', 'a"b"c'),
    ('"$protocol"', "TCP"),
    ("'$protocol'", "TCP"),
    ("$protocol.x", "TCP.x"),
    ("${protocol}x", "TCPx"),
    ('"${protocol}"', "TCP"),
    ("a$protocol-b", "aTCP-b"),
    ('"a\\\\$protocol"', "a\\TCP"),
    ('"a\n  b"', "a\n  b"),
    ("'a\tb'", "a\tb"),
    ("\\t", "\t"),
    ("a\\tb", "a\tb"),
    ('"\\\\t"', "\\t"),
    ("é", "é"),
    ('"é$protocol"', "éTCP"),
    ("\\\\", "\\"),
    ('"\\\\\\\\"', "\\\\"),
    ('"a\\\\"', "a\\"),
]
CONFIG = (
    "stream {\n"
    + "\n".join(
        f"server {{ listen 127.0.0.1:%%PORT_{number}%%; return {written}; }}"
        for number, (written, _) in enumerate(WORDS)
    )
    + "\n}\n"
)


@pytest.fixture(scope="module", params=PROGRAMS)
def running(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    with oracle(request.param, tmp_path_factory.mktemp("words"), CONFIG) as daemon:
        yield daemon


@pytest.mark.parametrize(("number", "meant"), [(number, meant) for number, (_, meant) in enumerate(WORDS)])
def test_a_word_means(running: Daemon, number: int, meant: str) -> None:
    assert ask(running.port(number)).decode() == meant
