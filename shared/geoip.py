"""Places by address: what nginx's stream geoip module tells, from MaxMind DB files (`.mmdb`).

nginx reads the legacy `.dat` files, which nobody has published since 2019. The names of the variables are nginx's
(https://nginx.org/en/docs/stream/ngx_stream_geoip_module.html), the fields those of GeoIP2 and GeoLite2, in English.
The package that reads them is an extra, since not everybody needs it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from ipaddress import ip_address
from typing import Any, Final

from .country_codes import THREE_LETTERS
from .memfile import memory_file
from .template import Getter
from .view import SessionView

try:
    import maxminddb
except ImportError:  # the extra `geoip` is not installed
    maxminddb = None  # type: ignore[assignment]

MARKER: Final = b"\xab\xcd\xefMaxMind.com"
"""What begins the metadata, in the last 128 KiB of every file of the format."""
MARKED: Final = 128 * 1024
REMEMBERED: Final = 4096
"""Records kept by address: the variables of one session, and those of its client's next, cost one search."""

Read = Callable[[Any], str | None]
"""Reads one variable off a record."""


class BadDatabase(ValueError):
    """A file is not what it should be; the argument is a sentence."""


def available() -> bool:
    """Whether the package is installed that reads databases."""
    return maxminddb is not None


class Places:
    """One database, in memory: what becomes of the file changes nothing until the next reload."""

    __slots__ = ("find",)

    def __init__(self, content: bytes) -> None:
        if MARKER not in content[-MARKED:]:
            raise BadDatabase("it is not a MaxMind DB")
        try:
            with memory_file(content) as path:  # the package's fast reader takes a path only, and maps what is there
                reader = maxminddb.open_database(path)
        except (maxminddb.InvalidDatabaseError, OSError, TypeError, ValueError) as error:
            raise BadDatabase(f"it is damaged: {error}") from None

        def find(address: str) -> Any:
            """The record of an address; None where there is none, and for what is no address."""
            try:
                found = ip_address(address.partition("%")[0])
                return reader.get(getattr(found, "ipv4_mapped", None) or found)
            except (ValueError, maxminddb.InvalidDatabaseError):  # no address; IPv6 in a file of IPv4; a damaged record
                return None

        self.find: Callable[[str], Any] = lru_cache(REMEMBERED)(find)

    def getter(self, read: Read) -> Getter:
        """A variable of this database."""
        find = self.find

        def getter(session: SessionView) -> str | None:
            record = find(session.remote_addr)
            return None if record is None else read(record)

        return getter


def field(*path: str | int) -> Read:
    """What stands at the end of a path of keys and indexes, written as nginx writes its kind."""

    def read(record: Any) -> str | None:
        for step in path:
            try:
                record = record[step]
            except (KeyError, IndexError, TypeError):
                return None
        if isinstance(record, float):
            return f"{record:.4f}"
        return str(record) if isinstance(record, str | int) else None

    return read


def first(*reads: Read) -> Read:
    """The first that is there."""

    def read(record: Any) -> str | None:
        return next((value for each in reads if (value := each(record)) is not None), None)

    return read


COUNTRY: Final = field("country", "iso_code")


def three_letters(record: Any) -> str | None:
    """The longer code of the country."""
    return THREE_LETTERS.get(COUNTRY(record) or "")


VARIABLES: Final[Mapping[str, Mapping[str, Read]]] = {
    "geoip_country": {
        "geoip_country_code": COUNTRY,
        "geoip_country_code3": three_letters,
        "geoip_country_name": field("country", "names", "en"),
    },
    "geoip_city": {
        "geoip_area_code": field("location", "area_code"),
        "geoip_city": field("city", "names", "en"),
        "geoip_city_continent_code": field("continent", "code"),
        "geoip_city_country_code": COUNTRY,
        "geoip_city_country_code3": three_letters,
        "geoip_city_country_name": field("country", "names", "en"),
        "geoip_dma_code": field("location", "metro_code"),
        "geoip_latitude": field("location", "latitude"),
        "geoip_longitude": field("location", "longitude"),
        "geoip_postal_code": field("postal", "code"),
        "geoip_region": field("subdivisions", 0, "iso_code"),
        "geoip_region_name": field("subdivisions", 0, "names", "en"),
    },
    "geoip_org": {
        "geoip_org": first(field("organization"), field("autonomous_system_organization"), field("isp")),
    },
}
"""Each directive's variables."""


def absent(_session: SessionView) -> str | None:
    """A variable whose database is not configured: not found."""
    return None


GETTERS: Final[Mapping[str, Getter]] = {name: absent for group in VARIABLES.values() for name in group}
"""All of them, while no database is configured."""
