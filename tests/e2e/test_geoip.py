"""The country of a client, from a MaxMind DB."""

# ruff: noqa: E501  a fact of the configuration is one line

from __future__ import annotations

from pathlib import Path

from clients import ask
from gate import Gate
from mmdb import mmdb

CONFIG = """
stream {
    geoip_country %%DIR%%/a.mmdb;
    geoip_city    %%DIR%%/a.mmdb;
    geoip_org     %%DIR%%/a.mmdb;
    server { listen 127.0.0.1:%%PORT_told%% proxy_protocol; set_real_ip_from 127.0.0.1;
             return "$geoip_country_code|$geoip_country_code3|$geoip_country_name|$geoip_city|$geoip_latitude|$geoip_org"; }
    server { listen 127.0.0.1:%%PORT_plain%%; return "$geoip_country_code|$geoip_org"; }
}
"""
HEADER = b"PROXY TCP4 192.0.2.7 198.51.100.9 1111 2222\r\n"
HEADER6 = b"PROXY TCP6 2001:db8::7 2001:db8::9 1111 2222\r\n"


def test_places_follow_the_real_address_and_the_next_reload(tmp_path: Path) -> None:
    file = tmp_path / "a.mmdb"
    country = {"iso_code": "CH", "names": {"en": "Switzerland"}}
    bern = {"country": country, "city": {"names": {"en": "Bern"}}, "location": {"latitude": 46.95}}
    file.write_bytes(mmdb({"192.0.2.0/24": bern, "2001:db8::/32": {"organization": "Aare"}}))
    with Gate(tmp_path, CONFIG) as gate:
        assert ask(gate.port("told"), HEADER) == b"CH|CHE|Switzerland|Bern|46.9500|"
        assert ask(gate.port("told"), HEADER6) == b"|||||Aare"
        assert ask(gate.port("plain")) == b"|"

        file.write_bytes(mmdb({"127.0.0.0/8": {"country": {"iso_code": "XX"}}}))  # in place, what is in use stays
        assert ask(gate.port("told"), HEADER) == b"CH|CHE|Switzerland|Bern|46.9500|"
        gate.reload()
        assert ask(gate.port("plain")) == b"XX|"
