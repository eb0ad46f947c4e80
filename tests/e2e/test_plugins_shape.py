"""What plugins cost: a plain hook is a call, and a session that has none is not asked."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import peers
import pytest
from clients import ask
from counted import Counted
from mmdb import mmdb
from peers import Peer

FOLDER: Final = Path(__file__).parent.parent / "data" / "plugins"
SESSIONS: Final = 200

CONFIG: Final = """
stream {
    plugin_path %%FOLDER%%;
    stream_listen 127.0.0.1:%%PORT_plain%% plain;
    stream_listen 127.0.0.1:%%PORT_async%% plain;
    stream_listen 127.0.0.1:%%PORT_shipped%% plain;
    service answer { url tcp://%%ANSWER%%; }
    route plain { protocols tcp; destinations :%%PORT_plain%%; service answer;
                  plugin ip-restriction { deny 10.0.0.0/8; } plugin sleeper {} plugin file-log { path records; } }
    route shipped { protocols tcp; destinations :%%PORT_shipped%%; service answer;
                    plugin acl { deny { sni bad.test; } } plugin bandwidth { upload 0; }
                    plugin geo { database %%DIR%%/places.mmdb; } plugin pre-function { preread "True"; }
                    plugin prometheus { status_code_metrics on; latency_metrics on; bandwidth_metrics on; }
                    plugin rate-limiting { second 100000; concurrent 1000; } }
    route async { protocols tcp; destinations :%%PORT_async%%; service answer; plugin puppet { path told; } }
}
"""


@pytest.fixture(scope="module")
def gate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Counted]:
    folder = tmp_path_factory.mktemp("shape")
    (folder / "places.mmdb").write_bytes(mmdb({"127.0.0.0/8": {"country": {"iso_code": "DE"}}}))
    with (
        Peer(peers.tells_first_bytes) as answer,
        Counted(folder, CONFIG, ANSWER=answer, FOLDER=FOLDER) as running,
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


@pytest.mark.parametrize("name", ["plain", "shipped"])
def test_plain_hooks_make_no_task_and_no_timer(gate: Counted, name: str) -> None:
    tasks, timers = made(gate, name)
    assert tasks == 0
    assert timers < SESSIONS // 2, "the worker's own timers, which no session adds to"


def test_an_async_hook_makes_one_task_and_no_timer(gate: Counted) -> None:
    tasks, timers = made(gate, "async")
    assert tasks == SESSIONS
    assert timers < SESSIONS // 2
