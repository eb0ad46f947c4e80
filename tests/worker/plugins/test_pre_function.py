"""`pre-function`: the configuration's own Python."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, cast

import pytest

from penstock.plugin_testing import StandIn, StandInWorker, configured
from penstock.worker.plugins.pre_function import PreFunction


def made(**config: Any) -> PreFunction:
    plugin = configured(PreFunction, **config)
    plugin.configure()
    return plugin


def preread(session: StandIn, *texts: str, **config: Any) -> StandIn:
    work = made(preread=list(texts), **config).preread(session)
    if work is not None:
        asyncio.run(cast(Coroutine[Any, Any, None], work))
    return session


def test_an_expression_that_is_false_refuses() -> None:
    assert preread(StandIn(sni="a"), "session.sni == 'b'").ended == {"word": "denied", "status": 403, "last": b""}
    assert preread(StandIn(sni="b"), "session.sni == 'b'").ended is None


def test_an_expression_of_no_value_refuses_nobody() -> None:
    assert preread(StandIn(), "None", "0", "''").ended is None


def test_statements_act_on_the_session() -> None:
    text = """
        if session.client_addr.startswith("192."):
            session.refuse("not from there", status=503)
    """
    assert preread(StandIn(), text).refused == "not from there"


def test_what_comes_after_a_refusal_is_not_run() -> None:
    assert preread(StandIn(), "False", "ctx.update(ran=True)").ctx == {}


def test_init_makes_names_for_all() -> None:
    session = preread(StandIn(), "session.sni in known", init=["import re", "known = {re.escape('a')}"])
    assert session.refused == "preread is False"


def test_names_of_one_session_are_not_anothers() -> None:
    plugin = made(preread=["ctx['seen'] = globals().get('mine'); mine = 1"])
    for _ in range(2):
        session = StandIn()
        plugin.preread(session)
        assert session.ctx == {"seen": None}


def test_what_awaits_is_awaited_and_the_rest_after_it() -> None:
    session = preread(
        StandIn(), "import asyncio\nawait asyncio.sleep(0)\nctx['first'] = 1", "ctx['first'] == 2", "ctx.clear()"
    )
    assert session.ctx == {"first": 1}
    assert session.refused == "preread is False"


def test_other_phases_run_too() -> None:
    plugin = made(connected=["ctx['c'] = 1"], log=["ctx['l'] = worker.hostname"], certificate=["False"])
    session = StandIn()
    plugin.connected(session)
    plugin.log(session)
    assert session.ctx == {"c": 1, "l": "gate.test"}
    assert session.ended is None
    plugin.certificate(session)
    assert session.refused == "certificate is False"


def test_exceptions_pass_to_the_kit() -> None:
    with pytest.raises(ZeroDivisionError):
        preread(StandIn(), "1 / 0")


@pytest.mark.parametrize(
    ("config", "says"),
    [
        ({"preread": ["x ="]}, "preread 1: line 1: invalid syntax: x ="),
        ({"log": ["pass", "a\nb c"]}, "log 2: line 2: invalid syntax: b c"),
        ({"init": ["await x"]}, "init cannot await"),
        ({}, "at least one of these fields"),
    ],
)
def test_mistakes_are_named_before_the_start(config: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        made(**config)


def test_the_admin_api_cannot_bring_it() -> None:
    plugin = configured(PreFunction, StandInWorker(place="record 1"), preread=["True"])
    with pytest.raises(ValueError, match="for the configuration file only"):
        plugin.configure()
