"""The protocols by name."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from .ldap import LDAP
from .lines import IMAP, POP3, SMTP
from .postgres import POSTGRES
from .prologue import Starttls

PROTOCOLS: Final[Mapping[str, Starttls]] = MappingProxyType(
    {each.name: each for each in (POSTGRES, SMTP, IMAP, POP3, LDAP)}
)

NOT_POSSIBLE: Final[Mapping[str, str]] = MappingProxyType(
    {
        "mysql": "a MySQL client proves its password with a number that the server sends before TLS, so the upstream"
        " would have to be known before the name is",
    }
)
"""Protocols that cannot be served, with the reason."""
