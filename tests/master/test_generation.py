"""What one applied configuration consists of."""

from __future__ import annotations

import gc
import os
import time
from dataclasses import replace
from pathlib import Path

import pytest
from configurations import configuration, server

from penstock.master.generation import ContextPool, Logs, every_log_path, log_paths, speaks_to_stderr
from penstock.shared.errors import StartError
from penstock.shared.model.log import AccessLog, ErrorLogTarget, Level
from penstock.shared.model.settings import Settings
from penstock.shared.model.stream import Configuration, Main, Stream
from penstock.shared.model.where import Where
from penstock.shared.template import Template, constant

LINE = constant("x")


def logging(access: tuple[AccessLog, ...] = (), main: tuple[ErrorLogTarget, ...] = ()) -> Configuration:
    settings = Settings(access_logs=access)
    return replace(configuration([server([1], "a", settings)]), main=Main(error_logs=main))


def test_logs_with_a_constant_name_are_opened_and_the_others_are_not(tmp_path: Path) -> None:
    varying = AccessLog(Template("$x", (lambda _: "x",)), LINE)
    logs = Logs(
        logging((AccessLog(constant(f"{tmp_path}/a.log"), LINE), varying), (ErrorLogTarget(f"{tmp_path}/e.log"),)),
        time.time,
        2,
    )
    assert sorted(os.listdir(tmp_path)) == ["a.log", "e.log"]
    logs.close()


def test_one_that_cannot_be_opened_closes_the_others(tmp_path: Path) -> None:
    gc.collect()  # what earlier tests left would go in the middle of this one
    before = len(os.listdir("/proc/self/fd"))
    broken = logging((AccessLog(constant(f"{tmp_path}/none/a.log"), LINE),), (ErrorLogTarget(f"{tmp_path}/e.log"),))
    with pytest.raises(StartError, match="No such file or directory"):
        Logs(broken, time.time, 2)
    assert len(os.listdir("/proc/self/fd")) == before


def test_the_place_of_an_error_log_that_cannot_be_opened_is_told(tmp_path: Path) -> None:
    target = ErrorLogTarget(f"{tmp_path}/none/e.log", Level.WARN, where=Where("/c", 7))
    with pytest.raises(StartError) as caught:
        Logs(logging(main=(target,)), time.time, 2)
    assert caught.value.where == Where("/c", 7)


def test_reopening_follows_a_rotated_file(tmp_path: Path) -> None:
    logs = Logs(logging(main=(ErrorLogTarget(f"{tmp_path}/e.log", Level.NOTICE),)), time.time, 2)
    (tmp_path / "e.log").rename(tmp_path / "e.log.1")
    assert logs.reopen(None) == []
    logs.log.notice("after")
    assert "after" in (tmp_path / "e.log").read_text()
    logs.close()


def test_who_logs_to_the_standard_error() -> None:
    assert not speaks_to_stderr(logging(main=(ErrorLogTarget("/e"),)))
    assert speaks_to_stderr(logging(main=(ErrorLogTarget("/e"), ErrorLogTarget("stderr"))))
    assert list(every_log_path(logging(main=(ErrorLogTarget("/e"),)))) == ["/e"]
    assert list(log_paths(logging((AccessLog(constant("/a"), LINE),)))) == ["/a"]


def test_a_server_keeps_its_blank_context_as_long_as_it_is_configured() -> None:
    pool = ContextPool()
    tls = replace(configuration([server([1], "a", ssl=True)]), main=Main())
    first = pool.of(tls)
    assert pool.of(tls) == first
    pool.keep(first)
    assert pool.of(tls) == first
    pool.keep({})
    again = pool.of(tls)
    assert again.keys() == first.keys()
    assert not any(again[key] is first[key] for key in first)
    assert pool.of(Configuration(Main(), Stream(), "/", "/c")) == {}
