"""Variables of nginx's stream upstream module: a value for each try, separated by `, `."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from .template import Getter
from .view import SessionView


def upstream_addr(session: SessionView) -> str | None:
    """The peers' addresses."""
    tries = session.tries
    if len(tries) == 1:
        return tries[0].address
    return ", ".join([attempt.address for attempt in tries]) if tries else None


def upstream_bytes_received(session: SessionView) -> str | None:
    """Bytes from the peers."""
    tries = session.tries
    if len(tries) == 1:
        return str(tries[0].received)
    return ", ".join([str(attempt.received) for attempt in tries]) if tries else None


def upstream_bytes_sent(session: SessionView) -> str | None:
    """Bytes to the peers."""
    tries = session.tries
    if len(tries) == 1:
        return str(tries[0].sent)
    return ", ".join([str(attempt.sent) for attempt in tries]) if tries else None


def upstream_connect_time(session: SessionView) -> str | None:
    """Seconds until each connection was there."""
    return times([attempt.connect_time for attempt in session.tries])


def upstream_first_byte_time(session: SessionView) -> str | None:
    """Seconds until each peer's first byte."""
    return times([attempt.first_byte_time for attempt in session.tries])


def upstream_session_time(session: SessionView) -> str | None:
    """Seconds that each try took."""
    return times([attempt.session_time for attempt in session.tries])


def times(seconds: list[float | None]) -> str | None:
    """nginx's list of times: `-` for one that is not known, None when nothing was tried."""
    if not seconds:
        return None
    return ", ".join(["-" if value is None else "%.3f" % value for value in seconds])  # noqa: UP031 - the cheapest


GETTERS: Final[Mapping[str, Getter]] = {
    getter.__name__: getter
    for getter in (
        upstream_addr,
        upstream_bytes_received,
        upstream_bytes_sent,
        upstream_connect_time,
        upstream_first_byte_time,
        upstream_session_time,
    )
}
