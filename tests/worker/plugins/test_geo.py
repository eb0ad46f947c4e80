"""`geo`: places of addresses, from databases of the test's own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from mmdb import mmdb

from penstock.plugin_testing import StandIn, configured
from penstock.worker.plugins.geo import Geo, opened

COUNTRIES = {
    "192.0.2.0/24": {"country": {"iso_code": "DE"}, "continent": {"code": "EU"}, "city": {"names": {"en": "Bonn"}}},
    "198.51.100.0/24": {"country": {"iso_code": "US"}, "continent": {"code": "NA"}},
    "2001:db8::/32": {"country": {"iso_code": "FR"}, "continent": {"code": "EU"}},
}
ASNS = {"192.0.2.0/25": {"autonomous_system_number": 64500, "autonomous_system_organization": "Example"}}


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    for name, places in (("country", COUNTRIES), ("asn", ASNS)):
        (tmp_path / f"{name}.mmdb").write_bytes(mmdb(places))
    return [str(tmp_path / "country.mmdb"), str(tmp_path / "asn.mmdb")]


def asked(files: list[str], address: str, **config: Any) -> StandIn:
    plugin = configured(Geo, database=files, **config)
    plugin.configure()
    session = StandIn(client_addr=address)
    plugin.preread(session)
    return session


@pytest.mark.parametrize(
    ("address", "config", "refused"),
    [
        ("192.0.2.1", {"allow": {"countries": ["DE"]}}, False),
        ("192.0.2.1", {"allow": {"countries": ["US", "FR"]}}, True),
        ("192.0.2.1", {"deny": {"countries": ["DE"]}}, True),
        ("192.0.2.1", {"deny": {"continents": ["EU"]}}, True),
        ("192.0.2.1", {"allow": {"continents": ["EU"]}, "deny": {"countries": ["DE"]}}, True),
        ("192.0.2.1", {"allow": {"countries": ["US"], "continents": ["EU"]}}, False),
        ("192.0.2.1", {"deny": {"asns": [64500]}}, True),
        ("192.0.2.200", {"deny": {"asns": [64500]}}, False),
        ("192.0.2.1", {"allow": {"asns": [64501]}}, True),
        ("2001:db8::1", {"allow": {"countries": ["FR"]}}, False),
        ("::ffff:198.51.100.1", {"deny": {"countries": ["US"]}}, True),
        ("203.0.113.1", {"deny": {"countries": ["DE"]}}, False),
        ("203.0.113.1", {"allow": {"countries": ["DE"]}}, True),
        ("203.0.113.1", {"allow": {"countries": ["DE"]}, "allow_unknown": True}, False),
        ("unix:", {"allow": {"countries": ["DE"]}}, False),
        ("192.0.2.1", {}, False),
    ],
)
def test_places_are_denied_first_then_allowed(
    files: list[str], address: str, config: dict[str, Any], refused: bool
) -> None:
    assert (asked(files, address, **config).refused is not None) is refused


def test_a_refusal_says_the_place(files: list[str]) -> None:
    session = asked(files, "192.0.2.1", deny={"countries": ["DE"]})
    assert session.refused == "place not allowed: DE AS64500, 192.0.2.1"
    assert session.ended == {"word": "denied", "status": 403, "last": b""}
    assert asked(files, "203.0.113.1", allow={"asns": [1]}).refused == "place not allowed: unknown, 203.0.113.1"


def test_the_record_tells_the_place(files: list[str]) -> None:
    place = {"country": "DE", "continent": "EU", "city": "Bonn", "asn": "64500", "organization": "Example"}
    session = asked(files, "192.0.2.1")
    assert (session.fields, session.ctx) == ({"geo": place}, {"geo": place})


def test_fields_can_be_left_out(files: list[str]) -> None:
    assert asked(files, "192.0.2.1", fields=False).fields == {}


def test_a_database_is_read_once_until_it_changes(files: list[str]) -> None:
    one, two = opened(files[0]), opened(files[0])
    assert one is two
    Path(files[0]).write_bytes(mmdb({"192.0.2.0/24": {"country": {"iso_code": "AT"}}}))
    assert opened(files[0]) is not one


def test_a_file_that_is_none_refuses_the_start(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"no database")
    with pytest.raises(ValueError, match="it is not a MaxMind DB"):
        asked([str(tmp_path / "x")], "192.0.2.1")
    with pytest.raises(FileNotFoundError):
        asked([str(tmp_path / "y")], "192.0.2.1")


@pytest.mark.parametrize(
    ("config", "says"),
    [
        ({"allow": {"countries": ["Germany"]}}, "invalid value: Germany"),
        ({"allow": {"continents": ["XX"]}}, "expected one of"),
        ({"deny": {}}, "at least one of these fields"),
    ],
)
def test_mistakes_are_named(files: list[str], config: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        asked(files, "192.0.2.1", **config)
