"""`limit_conn`: counts a session under its keys while it is open, and refuses one too many.

What a session holds in the zones is given back when it ends, or at once when another limit refuses it; a refusal
releases everything, as in nginx.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ..shared.limit_zone import FULL, REFUSED, LimitZone
from ..shared.model.limit import LimitConn

if TYPE_CHECKING:
    from .session import Session

LONGEST_KEY: Final = 255
"""Bytes of a key that is counted."""


def within_limits(session: Session) -> bool:
    """Count the session where its target limits connections; False when it has been refused (503)."""
    settings = session.target.settings
    zones = session.listener.worker.birth.zones
    for limit in settings.limits:
        key = limit.zone.key.render(session).encode("utf-8", "surrogateescape")
        if not key:
            continue
        if len(key) > LONGEST_KEY:
            session.error(
                f'the value of the "{limit.zone.key.source}" key is more than 255 bytes: '
                f'"{key.decode("utf-8", "surrogateescape")}" while initializing session'
            )
            continue
        zone = zones.limits[limit.zone.name]
        record = zone.enter(key, limit.connections, zones.seat)
        if record in (REFUSED, FULL):
            return reject(session, limit, record)
        session.values["limit_conn_status"] = "PASSED"
        if session.held is None:
            session.held = []
        session.held.append((zone, record))
    return True


def reject(session: Session, limit: LimitConn, why: int) -> bool:
    """Say why, and refuse the session unless this is a dry run; whether it may go on."""
    settings = session.target.settings
    dry = settings.limit_dry_run
    name = limit.zone.name
    if why == FULL:
        log = session.listener.worker.log
        log.crit(f'ngx_slab_alloc() failed: no memory in limit_conn_zone "{name}"')
    else:
        text = f'limiting connections{", dry run," if dry else ""} by zone "{name}" while initializing session'
        session.target.log.write(settings.limit_log_level, text + session.context(), session.number)
    release(session)
    session.values["limit_conn_status"] = "REJECTED_DRY_RUN" if dry else "REJECTED"
    if not dry:
        session.refuse(503, "limited")
    return dry


def release(session: Session) -> None:
    """Give back everything that the session holds."""
    held: list[tuple[LimitZone, int]] | None = session.held
    session.held = None
    seat = session.listener.worker.birth.zones.seat
    for zone, record in held or ():
        zone.leave(record, seat)
