"""`limit_conn_zone` and `limit_conn`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..template import Template
from .where import NOWHERE, Where


@dataclass(frozen=True, slots=True)
class LimitConnZone:
    """The memory in which sessions are counted by key."""

    name: str
    size: int
    """Bytes."""
    key: Template
    where: Where = NOWHERE


@dataclass(frozen=True, slots=True)
class LimitConn:
    """How many sessions a key may have open."""

    zone: LimitConnZone
    connections: int
