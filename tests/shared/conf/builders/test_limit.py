"""`limit_conn_zone` and `limit_conn`."""

from __future__ import annotations

import pytest
from builds import mistake, settings, stream

from penstock.shared.model.log import Level

ZONES = "limit_conn_zone $remote_addr zone=a:32k; limit_conn_zone $server_port$pid zone=b:1m;"


def test_zones_by_name() -> None:
    zones = stream(ZONES).limit_zones
    assert {name: (zone.size, zone.key.source) for name, zone in zones.items()} == {
        "a": (32768, "$remote_addr"),
        "b": (1 << 20, "$server_port$pid"),
    }


def test_limits_are_kept_in_order_and_their_zone_may_come_later() -> None:
    made = settings("limit_conn b 3; limit_conn a 5;", ZONES).limits
    assert [(limit.zone.name, limit.connections) for limit in made] == [("b", 3), ("a", 5)]
    below = stream("server { listen 1; return x; limit_conn a 1; } " + ZONES).servers[0].settings
    assert below.limits[0].zone.name == "a"


def test_limits_are_inherited_as_a_whole() -> None:
    outer = ZONES + "limit_conn a 5; limit_conn_dry_run on; limit_conn_log_level info;"
    inherited, replaced = settings("", outer), settings("limit_conn b 1; limit_conn_dry_run off;", outer)
    assert [limit.zone.name for limit in inherited.limits] == ["a"]
    assert [limit.zone.name for limit in replaced.limits] == ["b"]
    assert (inherited.limit_dry_run, inherited.limit_log_level) == (True, Level.INFO)
    assert (replaced.limit_dry_run, replaced.limit_log_level) == (False, Level.INFO)


def test_nothing_is_limited_by_itself() -> None:
    bare = settings("")
    assert (bare.limits, bare.limit_dry_run, bare.limit_log_level) == ((), False, Level.ERROR)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("limit_conn_zone $pid zone=z:31k;", 'zone "zone=z:31k" is too small'),
        ("limit_conn_zone $pid zone=z:x;", 'invalid zone size "zone=z:x"'),
        ("limit_conn_zone $pid zone=z;", 'invalid zone size "zone=z"'),
        ("limit_conn_zone $pid zone=:32k;", '"limit_conn_zone" must have "zone" parameter'),
        ("limit_conn_zone $pid zoom=z:32k;", 'invalid parameter "zoom=z:32k"'),
        (ZONES + "limit_conn_zone $pid zone=a:32k;", 'limit_conn_zone "a" is already bound to key "$remote_addr"'),
        (
            ZONES + "limit_conn_zone $pid zone=a:64k;",
            'the size 65536 of shared memory zone "a" conflicts with already declared size 32768',
        ),
        ("limit_conn z 1;", 'zero size shared memory zone "z"'),
        (ZONES + "limit_conn a 0;", 'invalid number of connections "0"'),
        (ZONES + "limit_conn a x;", 'invalid number of connections "x"'),
        (ZONES + "limit_conn a 65536;", "connection limit must be less 65536"),
        (ZONES + "limit_conn a 1; limit_conn a 2;", '"limit_conn" directive is duplicate'),
        ("limit_conn_log_level loud;", 'invalid value "loud"'),
        (
            "ssl_session_cache shared:z:32k; limit_conn_zone $pid zone=z:32k;",
            'the shared memory zone "z" is already declared for a different use',
        ),
        (
            "upstream u { zone z 32k; server 10.0.0.1:1; } limit_conn z 1;",
            'the shared memory zone "z" is already declared for a different use',
        ),
    ],
)
def test_mistakes_in_nginx_words(text: str, complaint: str) -> None:
    assert mistake(text + " server { listen 1; return x; }").text == complaint
