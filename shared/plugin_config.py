"""A plugin's `Config` object out of its complete, checked configuration."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from ipaddress import ip_network
from types import MappingProxyType
from typing import Annotated, Any, get_args, get_origin

from .plugin import Plugin
from .plugin_fields import Format
from .plugin_schema import hints_of, without_none

Place = Callable[[str, str], str]
"""Makes a path absolute: its format (`file_path` or `log_path`), and the path as written."""
Compile = Callable[[str], object]
"""Raises LookupError for a text with an unknown variable."""


def make(kind: type[Plugin], complete: Mapping[str, Any], place: Place, compile_text: Compile) -> Any:
    """The `Config` of a plugin; raises ValueError, also what the class' own `__post_init__` raises."""
    return Maker(vars(kind), place, compile_text).record(kind.Config, complete)


class Maker:
    """Makes values of the types that a `Config` declares."""

    def __init__(self, names: Mapping[str, Any], place: Place, compile_text: Compile) -> None:
        self._names = names
        self._place = place
        self._compile = compile_text

    def record(self, config: type, complete: Mapping[str, Any]) -> Any:
        """A dataclass."""
        hints = hints_of(config, self._names)
        return config(**{name: self.value(hints[name], value) for name, value in complete.items()})

    def value(self, hint: Any, value: Any) -> Any:
        """A value of a type."""
        if value is None:
            return None
        hint, _ = without_none(hint)
        origin, arguments = get_origin(hint), get_args(hint)
        if origin is Annotated:
            mark = next((each for each in arguments[1:] if isinstance(each, Format)), None)
            return self.formatted(mark.name, value) if mark is not None else self.value(arguments[0], value)
        if origin is tuple:
            return tuple(self.value(arguments[0], each) for each in value)
        if origin is frozenset:
            return frozenset(self.value(arguments[0], each) for each in value)
        if origin is Mapping:
            return MappingProxyType({key: self.value(arguments[1], each) for key, each in value.items()})
        if isinstance(hint, type) and dataclasses.is_dataclass(hint):
            return self.record(hint, value)
        return hint(value) if hint in (int, float) else value

    def formatted(self, name: str, value: Any) -> Any:
        """A value with a format."""
        if name == "network":
            return ip_network(value, strict=False)
        if name in ("file_path", "log_path"):
            return self._place(name, value)
        if name == "text":
            try:
                self._compile(value)
            except LookupError as error:
                raise ValueError(f'unknown "{error.args[0] if error.args else ""}" variable') from None
        if name == "seconds":
            return float(value)
        return int(value) if isinstance(value, float) else value
