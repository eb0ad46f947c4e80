"""A session's own copy of its target."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from certs import Authority
from viewed import Viewed
from workerbench import Bench

from penstock.shared.upstream_name import upstream_name
from penstock.worker.kit import steering
from penstock.worker.kit.kit import Kit
from penstock.worker.target import Target

TEXT = """
stream_listen 127.0.0.1:%%PORT_g%% plain;
upstream pool { server 127.0.0.1:9; }
service one { url tcp://127.0.0.1:9; connect_timeout 7s; }
service two { url tcp://127.0.0.1:10; connect_timeout 3s; retries 2; }
service secure { url tls://secure.test:443; tls_verify off; }
route r { protocols tcp; destinations :1; service one; plugin ip-restriction { deny 10.0.0.0/8; } }
route p { protocols tls_passthrough; snis p.test; service one; }
"""


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with Bench(TEXT, tmp_path) as running:
        yield running


def target(bench: Bench, name: str = "r") -> Target:
    return next(each for each in bench.plan.targets if each.route_name == name)


def sni(chosen: Target) -> str | None:
    """The name that the upstream is asked for."""
    upstream = chosen.balancer.upstream if chosen.balancer is not None else None
    return upstream_name(Viewed(), chosen.settings.upstream_tls, chosen.route, upstream, "peer.test").sni


def kit(bench: Bench) -> Kit:
    assert bench.worker.kit is not None
    return bench.worker.kit


def test_another_service_brings_its_settings_and_leaves_the_route(bench: Bench) -> None:
    before = target(bench)
    after = steering.to_service(before, kit(bench), "two")
    assert (after.service_name, after.connect_timeout, after.next_tries) == ("two", 3.0, 3)
    assert (after.route_name, after.number, after.plugins) == ("r", before.number, before.plugins)
    assert before.service_name == "one"
    assert after.balancer is not None
    assert after.balancer.upstream.name == "127.0.0.1:10"


def test_an_upstream_is_chosen_by_name(bench: Bench) -> None:
    after = steering.to_upstream(target(bench), kit(bench), "pool")
    assert after.balancer is bench.worker.balancers["pool"]


@pytest.mark.parametrize(("what", "name"), [("service", "tow"), ("upstream", "pol")])
def test_a_name_that_nobody_has_is_told_with_the_nearest(bench: Bench, what: str, name: str) -> None:
    choose = steering.to_service if what == "service" else steering.to_upstream
    with pytest.raises(LookupError, match=f'unknown {what} "{name}", did you mean "(two|pool)"'):
        choose(target(bench), kit(bench), name)


@pytest.mark.parametrize(("host", "text"), [("10.0.0.1", "10.0.0.1:5"), ("::1", "[::1]:5"), ("db.test", "db.test:5")])
def test_an_address_becomes_a_text_to_resolve(bench: Bench, host: str, text: str) -> None:
    after = steering.to_address(target(bench), host, 5)
    assert after.template is not None
    assert (after.template.constant, after.aimed, after.balancer) == (text, True, None)


@pytest.mark.parametrize(("host", "port"), [("a", 0), ("a", 65536), ("", 5)])
def test_what_is_no_address_is_refused(bench: Bench, host: str, port: int) -> None:
    with pytest.raises(ValueError, match="no "):
        steering.to_address(target(bench), host, port)


def test_times_and_retries(bench: Bench) -> None:
    after = steering.with_retries(steering.with_timeouts(target(bench), None, 2.5), 4)
    assert (after.connect_timeout, after.idle_timeout, after.next_tries, after.next_upstream) == (7.0, 2.5, 5, True)
    assert not steering.with_retries(after, 0).next_upstream
    with pytest.raises(ValueError, match="no timeout"):
        steering.with_timeouts(after, 0.0, None)
    with pytest.raises(ValueError, match="retries are not possible"):
        steering.with_retries(after, -1)


def test_rates_come_and_go(bench: Bench) -> None:
    paced = steering.with_rates(target(bench), 1000, None)
    assert paced.paced
    assert paced.settings.proxy.download_rate is not None
    assert not steering.with_rates(paced, 0, None).paced


def test_tls_to_the_upstream_is_switched_on_with_files(bench: Bench, authority: Authority) -> None:
    pair = authority.issue("client.test")
    files = steering.TlsFiles(str(pair.crt), str(pair.key), str(pair.crt))
    after = steering.with_tls(target(bench), kit(bench), True, True, "peer.test", files)
    tls = after.settings.upstream_tls
    assert (tls.on, tls.verify, tls.server_name) == (True, True, True)
    assert tls.pair is not None
    assert after.upstream_context is not None
    other = steering.with_tls(target(bench), kit(bench), True, True, "other.test", files)
    assert other.upstream_context is after.upstream_context
    assert (
        steering.with_tls(after, kit(bench), False, None, None, steering.TlsFiles(None, None, None)).upstream_context
        is None
    )


def test_verifying_needs_authorities(bench: Bench) -> None:
    nothing = steering.TlsFiles(None, None, None)
    with pytest.raises(ValueError, match="no certificates of authorities"):
        steering.with_tls(target(bench), kit(bench), True, True, None, nothing)


def test_the_upstreams_tls_is_asked_for_the_name_of_where_the_session_goes(bench: Bench) -> None:
    secure = steering.to_service(target(bench), kit(bench), "secure")
    assert secure.upstream_context is not None
    assert sni(secure) == "secure.test"
    assert sni(steering.to_address(secure, "other.test", 443)) == "other.test"
    assert sni(steering.to_upstream(secure, kit(bench), "pool")) == "pool"
    assert sni(steering.to_address(secure, "127.0.0.1", 443)) is None


def test_tls_that_is_passed_through_is_not_wrapped_again(bench: Bench) -> None:
    after = steering.to_service(target(bench, "p"), kit(bench), "secure")
    assert after.upstream_context is None
    assert not after.settings.upstream_tls.on
