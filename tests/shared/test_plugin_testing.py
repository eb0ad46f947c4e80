"""The stand-ins that authors of plugins test with."""

from __future__ import annotations

from ipaddress import ip_network

import pytest
from plugin_classes import Everything

from penstock.plugin import Session, Worker
from penstock.plugin_testing import StandIn, StandInWorker, configured


def test_a_stand_in_is_a_session_and_a_worker() -> None:
    session: Session = StandIn(sni="a.test")
    worker: Worker = StandInWorker()
    assert (session.sni, worker.now()) == ("a.test", 1_800_000_000.0)


def test_a_plugin_is_configured_as_by_the_admin_api() -> None:
    plugin = configured(Everything, host="h", allow=["10.0.0.1/8"], log="a.log")
    assert plugin.config.allow == (ip_network("10.0.0.0/8"),)
    assert plugin.config.log == "/var/lib/penstock/a.log"
    with pytest.raises(ValueError, match="'host': 'required field missing'"):
        configured(Everything, names=["a"])


def test_the_first_decision_counts() -> None:
    session = StandIn()
    configured(Everything, host="h", names=["a"]).preread(session)
    session.refuse("again", word="denied", status=503)
    session.answer(b"x")
    assert session.refused == "never"
    assert session.ended == {"word": "plugin", "status": 403, "last": b""}


def test_words_are_those_of_real_sessions() -> None:
    with pytest.raises(ValueError, match="'rude'"):
        StandIn().refuse("x", word="rude")


def test_changes_are_kept_by_name() -> None:
    session = StandIn(variables={"who": "me"})
    session.set_service("s")
    session.set_upstream("u")
    session.set_target("h", 1)
    session.set_timeouts(idle=2.0)
    session.set_retries(3)
    session.set_rates(upload=4)
    session.set_tls(True, sni="n")
    session.add_field("a.b", 1)
    assert session.changes["target"] == ("h", 1)
    assert session.changes["tls"]["sni"] == "n"
    assert sorted(session.changes) == ["rates", "retries", "service", "target", "timeouts", "tls", "upstream"]
    assert session.record() == {"event": "end", "client_ip": "192.0.2.1", "a": {"b": 1}}
    assert (session.variable("who"), session.text("<$who>")) == ("me", "<me>")


def test_a_worker_keeps_what_it_was_asked() -> None:
    worker = StandInWorker()
    worker.log("warn", "x")
    worker.every(1.0, list)
    worker.count_records("dropped")
    worker.count_records("dropped", 2)
    assert (worker.lines, worker.counted, worker.timers) == ([("warn", "x")], {"dropped": 3}, [(1.0, list)])
    assert list(worker.sessions()) == []


def test_a_worker_rations_and_counts() -> None:
    worker = StandInWorker()
    assert [worker.take("a", 2.0, 2) for _ in range(3)] == [0.0, 0.0, pytest.approx(0.5)]
    worker.time += 0.5
    assert worker.take("a", 2.0, 2) == 0.0
    first = worker.enter("a", 1)
    assert worker.enter("a", 1) == 0
    assert worker.enter("b", 1)
    worker.leave(first)
    assert worker.enter("a", 1)
