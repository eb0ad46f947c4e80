"""`proxy_session_drop on`: sessions with a server that was removed from its upstream end at once.

A name that is resolved again and again takes servers away; the sessions of one that is gone would otherwise go on for
as long as it lets them.
"""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from .balance import Balancer
    from .worker import Worker

DROPPED: Final = 502
"""The status of such a session: its upstream failed it."""


def drop_removed(worker: Worker, balancer: Balancer) -> int:
    """End the sessions whose server is no longer one of the balancer's; how many there were."""
    left = [
        session
        for session in worker.sessions
        if session.balancer is balancer
        and session.peer is not None
        and session.peer not in balancer.states
        and session.target.settings.proxy.session_drop
    ]
    if left:
        worker.reactor.now = monotonic()
    for session in left:
        session.info("upstream server was removed, dropping session")
        session.finish(DROPPED)
    return len(left)
