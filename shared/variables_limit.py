"""The variable of nginx's stream limit_conn module."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from .template import Getter
from .view import SessionView


def limit_conn_status(session: SessionView) -> str | None:
    """`PASSED`, `REJECTED` or `REJECTED_DRY_RUN`; not found where nothing was limited."""
    return session.values.get("limit_conn_status")


GETTERS: Final[Mapping[str, Getter]] = {"limit_conn_status": limit_conn_status}
