"""What operates Penstock beside its configuration file: the Admin API and its store."""

from __future__ import annotations

from dataclasses import dataclass, field

from .address import Address
from .tls import KeyPair
from .where import NOWHERE, Where


@dataclass(frozen=True, slots=True)
class AdminListen:
    """One `admin_listen`."""

    address: Address
    ssl: bool = False
    where: Where = NOWHERE


@dataclass(frozen=True, slots=True)
class AdminAuth:
    """`admin_auth`: who may use the Admin API. Without tokens and authorities: everybody who can connect."""

    tokens: tuple[bytes, ...] = field(default=(), repr=False)
    """The lines of the token file, read when the configuration was."""
    authorities: bytes | None = None
    """PEM certificates of `mtls`: a client shows a certificate of one of them."""


@dataclass(frozen=True, slots=True)
class Database:
    """`database`: where the entities of the Admin API are kept."""

    kind: str = "off"
    """`sqlite`, `postgres` or `off`."""
    target: str = field(default="", repr=False)
    """The file of SQLite, absolute; libpq's connection text of PostgreSQL, which may hold a password."""
    where: Where = NOWHERE


@dataclass(frozen=True, slots=True)
class Admin:
    """Everything about the Admin API."""

    listens: tuple[AdminListen, ...] = ()
    auth: AdminAuth = AdminAuth()
    pairs: tuple[KeyPair, ...] = ()
    """Of listeners with `ssl`; none: one made for localhost."""
    hide_keys: bool = False
    """Whether private keys are left out of answers."""
    access_log: str = ""
    """The path, absolute; empty: none."""
    error_log: str = ""
    """The path, absolute; empty: the main error log."""
    database: Database = Database()
    declarative: str = ""
    """The file of `declarative_config`, absolute; empty: none."""
    declarative_where: Where = NOWHERE
