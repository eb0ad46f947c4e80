"""What plugins cost: a plain hook is a call, and a session that has none is not asked."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import peers
import pytest
from clients import ask
from counted import Counted
from peers import Peer

FOLDER: Final = Path(__file__).parent.parent / "data" / "plugins"
SESSIONS: Final = 200

CONFIG: Final = """
stream {
    plugin_path %%FOLDER%%;
    stream_listen 127.0.0.1:%%PORT_plain%% plain;
    stream_listen 127.0.0.1:%%PORT_async%% plain;
    service answer { url tcp://%%ANSWER%%; }
    route plain { protocols tcp; destinations :%%PORT_plain%%; service answer;
                  plugin ip-restriction { deny 10.0.0.0/8; } plugin sleeper {} plugin file-log { path records; } }
    route async { protocols tcp; destinations :%%PORT_async%%; service answer; plugin puppet { path told; } }
}
"""


@pytest.fixture(scope="module")
def gate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Counted]:
    with (
        Peer(peers.tells_first_bytes) as answer,
        Counted(tmp_path_factory.mktemp("shape"), CONFIG, ANSWER=answer, FOLDER=FOLDER) as running,
    ):
        yield running


def made(gate: Counted, name: str) -> tuple[int, int]:
    """Tasks and timers that so many sessions make."""
    ask(gate.port(name), b"x")
    before = gate.made()
    for _ in range(SESSIONS):
        ask(gate.port(name), b"x")
    after = gate.made()
    return after[0] - before[0], after[1] - before[1]


def test_plain_hooks_make_no_task_and_no_timer(gate: Counted) -> None:
    tasks, timers = made(gate, "plain")
    assert tasks == 0
    assert timers < SESSIONS // 2, "the worker's own timers, which no session adds to"


def test_an_async_hook_makes_one_task_and_no_timer(gate: Counted) -> None:
    tasks, timers = made(gate, "async")
    assert tasks == SESSIONS
    assert timers < SESSIONS // 2
