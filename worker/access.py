"""`allow` and `deny`: the first rule that matches the client decides."""

from __future__ import annotations

from ipaddress import ip_address
from typing import TYPE_CHECKING

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
    address = session.remote_addr
    is_unix = address.startswith("unix:")
    client = None if is_unix else ip_address(address.partition("%")[0])
    if client is not None and client.version == 6 and client.ipv4_mapped is not None:
        client = client.ipv4_mapped
    for rule in rules:
        if rule.network is not None:
            hit = client is not None and client.version == rule.network.version and client in rule.network
        else:
            hit = is_unix if rule.unix else True
        if hit:
            if not rule.allow:
                session.error("access forbidden by rule while initializing session")
            return rule.allow
    return True
