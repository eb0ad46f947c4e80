"""The base class of plugins: a hook that is not overridden is none."""

from __future__ import annotations

from penstock.plugin import Plugin, Session
from penstock.shared.plugin import hooks_of


class Watcher(Plugin):
    def preread(self, session: Session) -> None:
        session.add_field("seen", True)

    async def log(self, session: Session) -> None:
        del session


def test_the_hooks_of_a_plugin_are_those_it_overrides() -> None:
    assert list(hooks_of(Watcher)) == ["preread", "log"]
    assert hooks_of(Watcher)["log"] is Watcher.log


def test_a_plugin_that_overrides_nothing_has_no_hooks() -> None:
    assert hooks_of(Plugin) == {}
