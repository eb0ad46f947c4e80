"""A plugin as the configuration names it, before its code is known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from .where import NOWHERE, Where

Phase = Literal["configure", "init_worker", "certificate", "preread", "connected", "log"]
PHASES: Final[tuple[Phase, ...]] = ("configure", "init_worker", "certificate", "preread", "connected", "log")
"""In the order in which they run."""


@dataclass(frozen=True, slots=True)
class FieldText:
    """One word of a field's value, as written."""

    text: str
    where: Where = NOWHERE
    quoted: bool = False


@dataclass(frozen=True, slots=True)
class Field:
    """One line of a plugin's block: `name word…;`, or `name { … }`."""

    name: str
    words: tuple[FieldText, ...]
    where: Where = NOWHERE
    block: tuple[Field, ...] | None = None


@dataclass(frozen=True, slots=True)
class PluginPath:
    """`plugin_path DIR`: a folder of plugins, absolute."""

    path: str
    where: Where = NOWHERE


@dataclass(frozen=True, slots=True)
class PluginUse:
    """`plugin NAME { … }`, or a plugin record of the Admin API."""

    name: str
    fields: tuple[Field, ...] = ()
    """The block's lines; what they mean is for the plugin's description to say."""
    config: Mapping[str, Any] | None = field(default=None, hash=False)
    """A record's configuration in place of lines."""
    where: Where = NOWHERE
    id: str = ""
    """A record's id."""
