"""Ids that follow from what an entity is: the same on every node, and after every reload."""

from __future__ import annotations

import uuid
from typing import Final

NAMESPACE: Final = uuid.UUID("6d1f6c43-8f9f-5c0b-9d5e-3b6f0a1f7a55")


def id_of(kind: str, key: str) -> str:
    """The id of the entity of a kind with that unique key (RFC 4122, version 5)."""
    return str(uuid.uuid5(NAMESPACE, f"{kind}:{key}"))
