"""What stands in the place of a plugin that decides over sessions and could not be prepared: nobody gets past it.

A plugin of the configuration file refuses the reload instead. One that a record brings is found out when the change is
in the store already, so the sessions that it was to judge are refused until the record, or what it needs, is right.
"""

from __future__ import annotations

from collections.abc import Iterable

from ...shared.plugin import Plugin, Session

DECIDING = frozenset({"certificate", "preread"})


class Barrier(Plugin):
    """See the module."""

    def preread(self, session: Session) -> None:
        session.refuse("it could not be prepared, see the error log", status=500)


def decides(hooks: Iterable[str]) -> bool:
    """Whether a plugin with these hooks has a say in what becomes of a session."""
    return not DECIDING.isdisjoint(hooks)
