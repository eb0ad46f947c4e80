"""Places by address."""

from __future__ import annotations

from typing import Any, Final

import pytest
from mmdb import MARKER, mmdb
from viewed import Viewed

from penstock.shared.geoip import GETTERS, VARIABLES, BadDatabase, Places

BERN: Final[dict[str, Any]] = {
    "city": {"names": {"en": "Bern", "fr": "Berne"}},
    "continent": {"code": "EU"},
    "country": {"iso_code": "CH", "names": {"en": "Switzerland"}},
    "location": {"latitude": 46.9481, "longitude": 7.4474, "metro_code": 501},
    "postal": {"code": "3011"},
    "subdivisions": [{"iso_code": "BE", "names": {"en": "Bern Canton"}}],
    "organization": "Aare AG",
}
CONTENT: Final = mmdb({"192.0.2.0/24": BERN, "2001:db8::/32": {"country": {"iso_code": "XX"}}, "198.51.100.0/25": {}})


def read(name: str, address: str, content: bytes = CONTENT) -> str | None:
    """A variable for a client with this address."""
    (variable,) = (group[name] for group in VARIABLES.values() if name in group)
    return Places(content).getter(variable)(Viewed(remote_addr=address))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("geoip_country_code", "CH"),
        ("geoip_country_code3", "CHE"),
        ("geoip_country_name", "Switzerland"),
        ("geoip_city", "Bern"),
        ("geoip_city_continent_code", "EU"),
        ("geoip_city_country_code", "CH"),
        ("geoip_city_country_code3", "CHE"),
        ("geoip_city_country_name", "Switzerland"),
        ("geoip_region", "BE"),
        ("geoip_region_name", "Bern Canton"),
        ("geoip_postal_code", "3011"),
        ("geoip_latitude", "46.9481"),
        ("geoip_longitude", "7.4474"),
        ("geoip_dma_code", "501"),
        ("geoip_area_code", None),
        ("geoip_org", "Aare AG"),
    ],
)
def test_every_variable_reads_its_field(name: str, value: str | None) -> None:
    assert read(name, "192.0.2.7") == value


def test_every_variable_is_tested_above() -> None:
    assert len(GETTERS) == 16


def test_latitudes_have_four_digits_as_in_nginx() -> None:
    content = mmdb({"192.0.2.0/24": {"location": {"latitude": 7.0, "longitude": -0.25}}})
    assert read("geoip_latitude", "192.0.2.1", content) == "7.0000"
    assert read("geoip_longitude", "192.0.2.1", content) == "-0.2500"


def test_the_organisation_of_an_asn_database() -> None:
    content = mmdb({"192.0.2.0/24": {"autonomous_system_organization": "Net"}})
    assert read("geoip_org", "192.0.2.1", content) == "Net"


@pytest.mark.parametrize("address", ["::ffff:192.0.2.7", "192.0.2.255"])
def test_an_ipv4_address_inside_ipv6_is_an_ipv4_address(address: str) -> None:
    assert read("geoip_country_code", address) == "CH"


def test_ipv6_addresses_are_found_also_with_a_zone() -> None:
    assert read("geoip_country_code", "2001:db8::1") == "XX"
    assert read("geoip_country_code", "2001:db8::1%eth0") == "XX"
    assert read("geoip_country_code3", "2001:db8::1") is None


@pytest.mark.parametrize("address", ["203.0.113.1", "198.51.100.1", "unix:", ""])
def test_what_is_not_there_is_not_found(address: str) -> None:
    assert read("geoip_country_code", address) is None


def test_an_ipv6_address_is_not_in_a_database_of_ipv4() -> None:
    content = mmdb({"192.0.2.0/24": BERN}, version=4)
    assert read("geoip_country_code", "192.0.2.7", content) == "CH"
    assert read("geoip_country_code", "2001:db8::1", content) is None


@pytest.mark.parametrize("content", [b"", b"\x01\x02 legacy", MARKER, MARKER + b"\xe1"])
def test_a_file_that_is_none_is_refused(content: bytes) -> None:
    with pytest.raises(BadDatabase):
        Places(content)


def test_without_a_database_nothing_is_found() -> None:
    assert {getter(Viewed(remote_addr="192.0.2.7")) for getter in GETTERS.values()} == {None}
