"""`syslog:server=…,facility=…,severity=…,tag=…,nohostname` of an access or error log."""

from __future__ import annotations

import re
from typing import Any, Final

from ...errors import ConfigError
from ...model.address import Address
from ...model.log import Syslog
from ..suggest import nearest
from ..tree import Word
from .addresses import Kind, numeric, parse_address
from .context import Context

PREFIX: Final = "syslog:"
PORT: Final = 514
FACILITIES: Final = (
    *("kern", "user", "mail", "daemon", "auth", "intern", "lpr", "news", "uucp", "clock", "authpriv", "ftp"),
    *("ntp", "audit", "alert", "cron"),
    *(f"local{number}" for number in range(8)),
)
"""By their numbers (RFC 5424, table 1), in nginx's spelling."""
SEVERITIES: Final = ("emerg", "alert", "crit", "error", "warn", "notice", "info", "debug")
LONGEST_TAG: Final = 32


def build_syslog(word: Word, context: Context) -> Syslog:
    """The syslog server that a log's destination names."""
    fields: dict[str, Any] = {}
    for part in word.text[len(PREFIX) :].split(","):
        parameter(part, word, fields, context)
    if "server" not in fields:
        raise ConfigError("no syslog server specified", word.where)
    return Syslog(**fields)


def parameter(part: str, word: Word, fields: dict[str, Any], context: Context) -> None:
    """One of the comma-separated parameters."""
    name, _, value = part.partition("=")
    if name in fields and part != "nohostname":
        raise ConfigError(f'duplicate syslog "{name}"', word.where)
    if name == "server":
        fields["server"] = value
        fields["address"] = server(value, word, context)
    elif name == "facility":
        fields["facility"] = choice("facility", FACILITIES, value, word)
    elif name == "severity":
        fields["severity"] = choice("severity", SEVERITIES, value, word)
    elif name == "tag":
        fields["tag"] = tag(value, word)
    elif part == "nohostname":
        fields["nohostname"] = True
    else:
        raise ConfigError(f'unknown syslog parameter "{part}"', word.where)


def server(value: str, word: Word, context: Context) -> Address:
    """An address; of a name the first, as in nginx, since it is never asked for again."""
    try:
        written = parse_address(value)
    except ValueError as error:
        raise ConfigError(f'{error} in syslog server "{value}"', word.where) from None
    port = written.port or PORT
    if written.kind is not Kind.NAME:
        return written.at(port)
    addresses = context.resolve(written.host)
    if not addresses:
        raise ConfigError(f'host not found in syslog server "{value}"', word.where)
    return numeric(addresses[0], port)


def choice(what: str, known: tuple[str, ...], value: str, word: Word) -> int:
    """The number of a facility or severity."""
    if value not in known:
        near = nearest(value, known)
        hint = f'did you mean "{near}"?' if near else ""
        raise ConfigError(f'unknown syslog {what} "{value}"', word.where, hint)
    return known.index(value)


def tag(value: str, word: Word) -> str:
    """A tag (RFC 3164, 4.1.3: alphanumeric, at most 32)."""
    if not re.fullmatch(r"[A-Za-z0-9_]*", value):
        raise ConfigError('syslog "tag" only allows alphanumeric characters and underscore', word.where)
    if len(value) > LONGEST_TAG:
        raise ConfigError(f"syslog tag length exceeds {LONGEST_TAG}", word.where)
    return value
