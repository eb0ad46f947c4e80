"""Databases of places."""

from __future__ import annotations

from typing import Final

import pytest
from builds import DIRECTORY, mistake, stream
from mmdb import mmdb
from viewed import Viewed

from penstock.shared.conf.builders import geoip
from penstock.shared.model.stream import Return

BERN: Final = mmdb({"192.0.2.0/24": {"country": {"iso_code": "CH"}, "city": {"names": {"en": "Bern"}}}})
FILES: Final = {"a.mmdb": BERN}
SAYS: Final = 'server {{ listen 9; return "{}"; }}'


def said(text: str, before: str) -> str:
    """What a server answers a client in Bern."""
    handler = stream(before + SAYS.format(text), FILES).servers[-1].handler
    assert isinstance(handler, Return)
    return handler.value.render(Viewed(remote_addr="192.0.2.7"))


def test_each_directive_has_its_variables() -> None:
    before = "geoip_country a.mmdb; geoip_city a.mmdb utf8;"
    assert said("$geoip_country_code|$geoip_city_country_code|$geoip_city|$geoip_org", before) == "CH|CH|Bern|"


def test_without_a_database_they_are_empty() -> None:
    assert said("$geoip_country_code|$geoip_latitude", "geoip_org a.mmdb;") == "|"


def test_a_map_reads_them() -> None:
    before = "geoip_country a.mmdb; map $geoip_country_code $near { CH yes; default no; }"
    assert said("$near", before) == "yes"


def test_they_may_be_defined_while_there_is_no_database() -> None:
    before = "geo $geoip_country_code { default XX; }"
    assert said("$geoip_country_code", before) == "XX"
    error = mistake("geoip_country a.mmdb;" + before + SAYS.format("x"), FILES)
    assert error.text == 'the duplicate "geoip_country_code" variable'


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("geoip_country gone.mmdb;", f'GeoIP_open("{DIRECTORY}/gone.mmdb") failed (2: No such file or directory)'),
        ("geoip_country a.dat;", f'GeoIP_open("{DIRECTORY}/a.dat") failed (it is not a MaxMind DB)'),
        ("geoip_country a.mmdb latin;", 'invalid parameter "latin"'),
        ("geoip_country a.mmdb; geoip_country a.mmdb;", '"geoip_country" directive is duplicate'),
    ],
)
def test_mistakes(text: str, wanted: str) -> None:
    assert mistake(text, {**FILES, "a.dat": b"GEO-106 legacy"}).text == wanted


def test_the_legacy_format_is_refused_with_what_to_do() -> None:
    assert ".mmdb" in mistake("geoip_city a.dat;", {"a.dat": b"GEO-106 legacy"}).hint


def test_without_its_package_it_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(geoip, "available", lambda: False)
    error = mistake("geoip_org a.mmdb;", FILES)
    assert error.text == '"geoip_org" needs the Python package maxminddb, which is not installed'
    assert "penstock[geoip]" in error.hint
