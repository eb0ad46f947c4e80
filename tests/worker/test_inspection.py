"""Sessions as the Admin API sees them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from peers import Peer, echo
from workerbench import Bench

from penstock.shared.inquiry import Inquiry
from penstock.worker.inspection import answer

TEXT = """
stream_listen 127.0.0.1:%%PORT_one%%;
service s { url tcp://%%PEER%%; }
route r { protocols tcp; destinations :%%PORT_one%%; service s; }
"""


def total(bench: Bench, **wanted: Any) -> int:
    found: int = answer(bench.worker, Inquiry(**wanted), 7)["total"]
    return found


@pytest.mark.parametrize(
    ("wanted", "count"),
    [
        ({}, 2), ({"route": "r"}, 2), ({"route": "x"}, 0), ({"service": "s"}, 2), ({"service": "x"}, 0),
        ({"sni": "a.test"}, 0), ({"source": "127.0.0.1"}, 2), ({"source": "127.0.0.0/8"}, 2),
        ({"source": "10.0.0.0/8"}, 0), ({"source": "::/0"}, 0), ({"id": "7-1"}, 1), ({"id": "7-9"}, 0),
        ({"id": "x"}, 0),
    ],
)  # fmt: skip
def test_sessions_are_found_by_all_that_is_asked(tmp_path: Path, wanted: dict[str, Any], count: int) -> None:
    with Peer(echo) as peer, Bench(TEXT, tmp_path, PEER=peer) as bench:
        for _ in range(2):
            bench.client("one").sendall(b"abc")
        bench.until(lambda: [s.sent for s in bench.worker.sessions] == [3, 3], "both were answered")
        assert total(bench, **wanted) == count


def test_a_session_is_shown_and_ended(tmp_path: Path) -> None:
    with Peer(echo) as peer, Bench(TEXT, tmp_path, PEER=peer) as bench:
        client = bench.client("one")
        client.sendall(b"abc")
        bench.until(lambda: [s.sent for s in bench.worker.sessions] == [3], "it was answered")
        (shown,) = answer(bench.worker, Inquiry(), 7)["sessions"]
        assert (shown["id"], shown["state"], shown["upstream"]) == ("7-1", "proxying", str(peer))
        assert shown["bytes"] == {"received": 3, "sent": 3}
        assert shown["tcp"]["client"]["rtt_us"] > 0
        assert shown["tcp"]["upstream"]["retransmits"] == 0
        assert answer(bench.worker, Inquiry(size=0), 7) == {"total": 1, "sessions": []}
        answer(bench.worker, Inquiry(id="7-1", end=True), 7)
        assert not bench.worker.sessions
        assert bench.hear_all(client) == b"abc"


def test_one_that_has_said_nothing_is_beginning(tmp_path: Path) -> None:
    with Peer(echo) as peer, Bench(TEXT, tmp_path, PEER=peer) as bench:
        bench.client("one")
        bench.until(lambda: bool(bench.worker.sessions), "it was accepted")
        (shown,) = answer(bench.worker, Inquiry(), 7)["sessions"]
        assert (shown["state"], shown["route"], shown["upstream"], shown["sni"]) == ("beginning", None, None, None)
