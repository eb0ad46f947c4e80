"""A plugin's hooks: how calls are timed and counted."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from plugin_folder import plugins
from workerbench import Bench

from penstock.shared.plugin_counters import CALLS, ERRORS, MICROSECONDS, SLOW
from penstock.worker.kit.hooked import SLOW_AFTER, Hooked, described

TEXT = "server { listen 127.0.0.1:%%PORT_a%%; proxy_pass 127.0.0.1:9; } plugin one {}"


def hooked(bench: Bench) -> Hooked:
    return next(target.plugins[0] for target in bench.plan.targets if target.plugins)


def cell(bench: Bench, what: int) -> int:
    return int(bench.row[bench.layout.plugins.phase("one", "preread") + what])


def bench(tmp_path: Path) -> Bench:
    return Bench(plugins(tmp_path, one="def preread(self, session): pass") + TEXT, tmp_path)


def test_only_what_a_plugin_overrides_is_a_hook(tmp_path: Path) -> None:
    with bench(tmp_path) as running:
        one = hooked(running)
        assert one.preread is not None
        assert (one.log, one.connected, one.certificate) == (None, None, None)


def test_a_call_is_counted_with_its_time(tmp_path: Path) -> None:
    with bench(tmp_path) as running:
        assert hooked(running).call("preread", time.sleep, 0.002) is None
        assert cell(running, CALLS) == 1
        assert cell(running, MICROSECONDS) >= 2000
        assert cell(running, SLOW) == 0


def test_a_call_that_blocks_is_told(tmp_path: Path) -> None:
    with bench(tmp_path) as running:
        hooked(running).call("preread", time.sleep, SLOW_AFTER + 0.005)
        assert cell(running, SLOW) == 1
        assert "what takes long belongs in an async hook" in running.line("preread held up the worker for ")


def test_an_exception_is_counted_and_passed_on(tmp_path: Path) -> None:
    def fail() -> None:
        raise KeyError("x")

    with bench(tmp_path) as running:
        with pytest.raises(KeyError):
            hooked(running).call("preread", fail)
        assert (cell(running, ERRORS), cell(running, CALLS)) == (1, 1)


def test_an_error_is_one_line() -> None:
    assert described(ValueError("a")) == "ValueError: a"
    assert described(ValueError()) == "ValueError"
