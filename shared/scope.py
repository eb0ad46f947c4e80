"""The variables that a configuration knows: the built-in ones, and those that it defines itself.

nginx lets a variable be used above the line that defines it. So the names are declared first, by a walk over the
configuration, and everything is compiled after that; a map used before it is built is found when it is read.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from .geoip import absent
from .template import Getter, Lookup, UnknownVariable
from .view import SessionView

CAPTURES: Final = frozenset("123456789")
"""The groups of the regular expression that matched last, as variables."""


class NotChangeable(ValueError):
    """A configuration tries to define a built-in variable; `args[0]` is its name.

    Those of the geoip module may be defined while it has no database: many nginx are built without it.
    """


class Scope:
    """Finds getters by name for one configuration."""

    def __init__(self, builtin: Lookup) -> None:
        self._builtin = builtin
        self._defined: dict[str, Getter] = {}
        self._late: dict[str, Late] = {}
        """Of maps, for what was compiled before they were built."""

    def lookup(self, name: str) -> Getter:
        """The getter of `name`; raises UnknownVariable for one that is neither built in nor declared."""
        getter = self._defined.get(name)
        if getter is not None:
            return getter
        if name in CAPTURES:
            return kept(name)
        return self._builtin(name)

    def declare_map(self, name: str) -> None:
        """Make `name` known as a map's before the map is built; raises NotChangeable."""
        if name not in self._defined:
            self._define(name, self._late.setdefault(name, Late()))

    def define_map(self, name: str, getter: Getter) -> None:
        """Give the getter of a map's variable; a later map of the same name takes its place. Raises NotChangeable."""
        self._define(name, getter)
        if name in self._late:
            self._late[name].getter = getter

    def define_set(self, name: str) -> None:
        """Make `name` known as one that `set` assigns: empty until then. Raises NotChangeable."""
        if name not in self._defined:
            self._define(name, kept(name, ""))

    def define_capture(self, name: str) -> None:
        """Make `name` known as a regular expression's group: not found until it matches. Raises NotChangeable."""
        if name not in self._defined:
            self._define(name, kept(name))

    def _define(self, name: str, getter: Getter) -> None:
        try:
            builtin = self._builtin(name)
        except UnknownVariable:
            builtin = absent
        if builtin is not absent:
            raise NotChangeable(name)
        self._defined[name] = getter


class Late:
    """The getter of a map that is not built yet; it knows no more than that map, so that nothing holds on to itself."""

    __slots__ = ("getter",)

    def __init__(self) -> None:
        self.getter: Getter | None = None

    def __call__(self, session: SessionView) -> str | None:
        return None if self.getter is None else self.getter(session)


def kept(name: str, otherwise: str | None = None) -> Callable[[SessionView], str | None]:
    """A getter of what the session keeps under `name`."""

    def getter(session: SessionView) -> str | None:
        return session.values.get(name, otherwise)

    return getter
