"""`health_check`."""

from __future__ import annotations

import pytest
from builds import mistake, stream

from penstock.shared.model.health import HealthCheck, Probe


def check(words: str) -> HealthCheck:
    found = stream(f"upstream u {{ server 127.0.0.1:1; health_check {words}; }}").upstreams["u"].health
    assert found is not None
    return found


def test_an_upstream_without_it_is_not_checked() -> None:
    assert stream("upstream u { server 127.0.0.1:1; }").upstreams["u"].health is None


def test_defaults() -> None:
    assert check("").probe == Probe(5.0, 5.0, 1.0, 2, 3)


def test_everything() -> None:
    probe = check(
        "interval=10s unhealthy_interval=500ms timeout=2s rise=1 fall=4 port=99 tls sni=a.test "
        '"send=PING\\\\r\\\\n" "expect=~^\\\\+P"'
    ).probe
    assert probe == Probe(10.0, 0.5, 2.0, 1, 4, 0, 99, True, "a.test", b"PING\r\n", "^\\+P")


def test_sessions_may_count_too() -> None:
    found = check("session_failures=3 session_timeouts=2 threshold=40%")
    assert (found.failures, found.timeouts, found.threshold) == (3, 2, 40.0)
    assert found.probe == Probe()
    assert check("").failures == 0


def test_an_interval_holds_also_while_a_peer_is_down() -> None:
    probe = check("interval=9s").probe
    assert probe is not None
    assert probe.ill_interval == 9.0


@pytest.mark.parametrize(
    ("text", "sent"), [("send=a\\\\x00\\\\xff", b"a\0\xff"), ("send=\\\\t\\\\\\\\", b"\t\\"), ("send=ü", b"\xfc")]
)
def test_what_is_sent(text: str, sent: bytes) -> None:
    probe = check(f'"{text}"').probe
    assert probe is not None
    assert probe.send == sent


def test_an_answer_may_be_expected_word_for_word() -> None:
    probe = check('"expect=+OK."').probe
    assert probe is not None
    assert probe.expect == "\\Q+OK.\\E"


def test_quotes_may_stand_around_the_value() -> None:
    probe = check("""send="PING" expect=~'P.NG'""").probe
    assert probe is not None
    assert (probe.send, probe.expect) == (b"PING", "P.NG")


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ("intervall=1s", 'invalid parameter "intervall=1s"'),
        ("rise=0", '"health_check" directive invalid number'),
        ("interval=0", 'the interval of "health_check" is too short'),
        ("sni=a.test", '"sni=" without "tls"'),
        ('"send=\\\\xZZ"', 'invalid escape in "\\xZZ"'),
        ("expect=~(", 'invalid regular expression "("'),
        ("session_failures=0", '"health_check" directive invalid number'),
        ("threshold=101", 'invalid parameter "threshold=101"'),
        ("threshold=half", '"health_check" directive invalid number'),
        ('send="GET / HTTP/1.0"', 'invalid parameter "send="GET"'),
        ("tls=on", 'invalid parameter "tls=on"'),
    ],
)
def test_what_is_refused(words: str, text: str) -> None:
    assert mistake(f"upstream u {{ server 127.0.0.1:1; health_check {words}; }}").text.startswith(text)
