"""The moments at which sessions meet plugins, in a worker of the test's own."""

from __future__ import annotations

import gc
from pathlib import Path

import pytest
from plugin_folder import DONE, plugins
from workerbench import Bench

from penstock.worker.kit.session import PluginSession
from penstock.worker.session import Session

TEXT = """
plugin_timeout 100ms;
server { listen 127.0.0.1:%%PORT_a%%; proxy_pass 127.0.0.1:%%UP%%; }
"""


def bench(tmp_path: Path, up: int, uses: str, **modules: str) -> Bench:
    return Bench(plugins(tmp_path, **modules) + TEXT + uses, tmp_path, UP=up)


HIGH = "priority = 2\ndef preread(self, session): done('high')\ndef log(self, session): done('high log')"
LOW = "priority = 1\nasync def preread(self, session): done('low')\nasync def log(self, session): done('low log')"


def test_hooks_run_by_priority_and_once(tmp_path: Path) -> None:
    with bench(tmp_path, 9, "plugin low {} plugin high {}", low=LOW, high=HIGH) as running:
        running.client()
        running.until(lambda: "low log" in DONE, "the last hook")
        assert DONE == ["high", "low", "high log", "low log"]


def test_who_refuses_is_the_last_to_be_asked_and_all_may_log(tmp_path: Path) -> None:
    high = "priority = 2\ndef preread(self, session): session.refuse('no', word='limited', status=503)"
    with bench(tmp_path, 9, "plugin low {} plugin high {}", low=LOW, high=high) as running:
        client = running.client()
        assert running.tried(client.recv, 1) == b""
        running.until(lambda: DONE, "the log hook")
        assert DONE == ["low log"]
        assert running.refused("limited") == 1
        assert running.status(503) == 1


def test_the_first_refusal_counts(tmp_path: Path) -> None:
    body = "def preread(self, session):\n    session.refuse('one', word='limited')\n    session.refuse('two')"
    with bench(tmp_path, 9, "plugin one {}", one=body) as running:
        assert running.tried(running.client().recv, 1) == b""
        assert running.line('connection refused: limited: plugin "one": one')
        assert running.refused("plugin") == 0


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("def preread(self, session): raise ValueError('x')", "failed in preread: ValueError: x"),
        ("async def preread(self, session): raise ValueError('y')", "failed in preread: ValueError: y"),
        ("async def preread(self, session): await asyncio.sleep(9)", "took longer than 0.1 s"),
        ("def preread(self, session): return 5", "failed in preread: TypeError"),
        ("def preread(self, session): raise SystemExit(3)", "failed in preread: Escape: SystemExit out of a hook"),
        ("async def preread(self, session): exit()", "failed in preread: Escape: SystemExit out of a hook"),
        ("def preread(self, session): raise asyncio.CancelledError", "Escape: CancelledError out of a hook"),
        ("def preread(self, session): session.refuse('x', word='rude')", "is no word of a refusal"),
        ("def preread(self, session): session.refuse('x', status=418)", "418 is no status of a session"),
    ],
)  # fmt: skip
def test_a_hook_that_fails_costs_its_own_session_only(tmp_path: Path, body: str, said: str) -> None:
    with bench(tmp_path, 9, "plugin one {}", one=body) as running:
        assert running.tried(running.client().recv, 1) == b""
        assert said in running.line("connection refused: plugin:")
        assert running.refused("plugin") == 1
        assert running.status(500) == 1


def test_a_hook_that_waits_does_not_hold_up_others(tmp_path: Path) -> None:
    body = """
async def preread(self, session):
    done(session.number)
    if session.number == 1:
        await asyncio.sleep(0.08)
        done("slow")
"""
    with bench(tmp_path, 9, "plugin one {}", one=body) as running:
        running.client()
        running.until(lambda: DONE == [1], "the first waits")
        running.client()
        running.until(lambda: "slow" in DONE, "the first is done")
        assert DONE == [1, 2, "slow"]


def test_a_worker_that_stops_ends_a_session_that_waits(tmp_path: Path) -> None:
    body = "async def preread(self, session):\n    done('waits')\n    await asyncio.sleep(9)"
    with bench(tmp_path, 9, "plugin one {}", one=body) as running:
        running.client()
        running.until(lambda: DONE, "it waits")
        running.worker.abort()
        assert not running.worker.sessions


def test_log_hooks_that_fail_or_hang_are_told(tmp_path: Path) -> None:
    hangs = "async def log(self, session): await asyncio.sleep(9)"
    fails = "async def log(self, session): raise ValueError('late')"
    exits = "async def log(self, session): exit()"
    with bench(
        tmp_path, 9, "plugin hangs {} plugin fails {} plugin exits {}", hangs=hangs, fails=fails, exits=exits
    ) as running:
        running.client()
        assert running.line('plugin "fails" failed in log: ValueError: late')
        assert running.line('plugin "exits" failed in log: Escape: SystemExit out of a hook')
        assert running.line('plugin "hangs": log took longer than 0.1 s')


def test_an_async_log_hook_still_knows_what_the_sockets_knew(tmp_path: Path) -> None:
    body = "async def log(self, session):\n    await asyncio.sleep(0.01)\n    done(session.record())"
    running = bench(tmp_path, 1, "plugin one {}", one=body)
    with running:
        client = running.client()
        running.until(lambda: DONE, "the record")
        assert DONE[0]["session"]["tcp"]["rtt_us"] > 0
        assert client


def test_connected_comes_with_the_upstream(tmp_path: Path) -> None:
    body = """
def connected(self, session): done(("connected", session.status))
def log(self, session): done(("log", session.status))
"""
    text = plugins(tmp_path, one=body) + TEXT.replace("127.0.0.1:%%UP%%", "unix:%%UP%%") + "plugin one {}"
    path = f"{tmp_path}/up"
    with Bench(text, tmp_path, UP=path) as running:
        upstream = running.upstream(path)
        client = running.client()
        far = running.accepted(upstream)
        running.relaying()
        assert DONE == [("connected", 0)]
        kit = running.worker.kit
        assert kit is not None
        (hooked,) = running.session().target.plugins
        assert [each.number for each in hooked.plugin.worker.sessions()] == [1]
        client.close()
        running.idle()
        assert DONE == [("connected", 0), ("log", 200)]
        far.close()


def test_a_session_with_plugins_leaves_no_garbage(tmp_path: Path) -> None:
    body = "async def log(self, session): done(session.record()['event'])\ndef preread(self, session): session.sni"
    with bench(tmp_path, 9, "plugin one {}", one=body) as running:
        gc.collect()
        gc.disable()
        try:
            for _ in range(3):
                client = running.client()
                assert running.tried(client.recv, 1) == b""
            running.until(lambda: len(DONE) == 3, "the log hooks")
            running.turn()
            assert [each for each in gc.get_objects() if type(each) in (Session, PluginSession)] == []
        finally:
            gc.enable()
