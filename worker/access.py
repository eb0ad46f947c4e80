"""`allow` and `deny`: the first rule that matches the client decides."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..shared.access_rules import deciding_rule
from ..shared.model.settings import AccessRule
from .limits import within_limits

if TYPE_CHECKING:
    from .session import Session


def admitted(session: Session) -> bool:
    """nginx's phases before preread, with the session's target: `limit_conn`, then `allow` and `deny`."""
    target = session.target
    if target.has_limits and not within_limits(session):
        return False
    if target.has_access and not allowed(session, target.settings.access):
        session.refuse(403, "denied")
        return False
    return True


def allowed(session: Session, rules: tuple[AccessRule, ...]) -> bool:
    """Whether the client may come in; a denial is logged in nginx's words."""
    rule = deciding_rule(rules, session.remote_addr)
    if rule is None or rule.allow:
        return True
    session.error("access forbidden by rule while initializing session")
    return False
