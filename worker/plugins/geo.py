"""`geo`: who may come in, by where an address is, and fields of the record that say it. From MaxMind DB files."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, ClassVar, Final

from ...shared.geoip import COUNTRY, BadDatabase, Places, Read, available, field
from ...shared.plugin import Check, FilePath, Plugin, Session, Status, at_least_one_of, setting

PARTS: Final[dict[str, Read]] = {
    "country": COUNTRY,
    "continent": field("continent", "code"),
    "city": field("city", "names", "en"),
    "asn": field("autonomous_system_number"),
    "organization": field("autonomous_system_organization"),
}
"""What is read off the records of all databases; the first that has it counts."""


@dataclass(frozen=True, slots=True)
class Where:
    """Places; an address is in the list when one of them fits."""

    checks: ClassVar[tuple[Check, ...]] = (at_least_one_of("countries", "continents", "asns"),)

    countries: tuple[str, ...] = setting((), match="[A-Z]{2}", doc="ISO 3166 codes of two letters.")
    continents: tuple[str, ...] = setting((), one_of=("AF", "AN", "AS", "EU", "NA", "OC", "SA"))
    asns: tuple[int, ...] = setting((), between=(1, 4294967295), doc="Numbers of autonomous systems.")

    def holds(self, place: dict[str, str]) -> bool:
        """Whether a place is in the list."""
        return (
            place.get("country") in self.countries
            or place.get("continent") in self.continents
            or ("asn" in place and int(place["asn"]) in self.asns)
        )


class Geo(Plugin):
    """Refuses clients by the place of their address: what is denied first, then what is not allowed."""

    version = "1.0.0"
    priority = 980

    @dataclass(frozen=True, slots=True)
    class Config:
        """Databases and lists."""

        database: tuple[FilePath, ...] = setting(len_min=1, doc="MaxMind DB files; they are read into memory.")
        allow: Where | None = setting(None, doc="Who may come in; everybody where it is not given.")
        deny: Where | None = setting(None, doc="Who may not; it is looked at first.")
        allow_unknown: bool = setting(False, doc="Whether an address that no database has passes `allow`.")
        fields: bool = setting(True, doc="Whether the session's record tells the place.")
        status: Status = setting(403, doc="The status of a session that is refused.")
        message: str | None = setting(None, doc="What the log says of it.")

    config: Config
    _databases: tuple[Places, ...] = ()

    def configure(self) -> None:
        """Read the databases."""
        if not available():
            raise ValueError('geo needs the package maxminddb: install "penstock[geoip]"')
        self._databases = tuple(map(opened, self.config.database))

    def preread(self, session: Session) -> None:
        """Let the client in, or not."""
        config, address = self.config, session.client_addr
        if address.startswith("unix:"):
            return
        place = self.place(address)
        session.ctx["geo"] = place
        if config.fields and place:
            session.add_field("geo", place)
        denied = config.deny is not None and config.deny.holds(place)
        if not denied and config.allow is not None:
            denied = not config.allow.holds(place) if place else not config.allow_unknown
        if denied:
            where = " ".join(filter(None, (place.get("country"), place.get("asn") and f"AS{place['asn']}")))
            reason = config.message or f"place not allowed: {where or 'unknown'}, {address}"
            session.refuse(reason, word="denied", status=config.status)

    def place(self, address: str) -> dict[str, str]:
        """What the databases know of an address."""
        records: list[Any] = [record for each in self._databases if (record := each.find(address)) is not None]
        found: dict[str, str] = {}
        for name, read in PARTS.items():
            value = next((value for record in records if (value := read(record)) is not None), None)
            if value is not None:
                found[name] = value
        return found


def opened(path: str) -> Places:
    """A database, the same for all who name the file; raises ValueError or OSError."""
    status = os.stat(path)
    return remembered(path, status.st_mtime_ns, status.st_size)


@lru_cache(16)
def remembered(path: str, *_changed: int) -> Places:
    """Databases have up to a hundred megabytes, and every route may name one."""
    with open(path, "rb") as file:
        content = file.read()
    try:
        return Places(content)
    except BadDatabase as error:
        raise ValueError(f'"{path}" cannot be used: {error}') from None
