"""The words in which a plugin's `Config` says what its fields take: types, limits, and rules between fields.

    @dataclass(frozen=True, slots=True)
    class Config:
        allow: tuple[Network, ...] = ()
        status: int = setting(403, one_of=(403, 503))
        timeout: Milliseconds = 10_000

A field without a default is required, one of type `T | None` may be absent. Beside those below, fields may be str, int,
float, bool, Literal["a", "b"], tuple[T, ...] (a list), frozenset[T], Mapping[str, T], and further such dataclasses.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network
from typing import Annotated, Any, Final

METADATA: Final = "penstock"
"""Where a dataclass field keeps its limits."""


@dataclass(frozen=True, slots=True)
class Format:
    """What a text or a number means; the name is that of the description's `format`."""

    name: str


Network = Annotated[IPv4Network | IPv6Network, Format("network")]
"""An address or a network in CIDR form; an address is a network of one."""
Host = Annotated[str, Format("host")]
"""A name or an address."""
Port = Annotated[int, Format("port")]
Seconds = Annotated[float, Format("seconds")]
"""A time; in the configuration file units may be written."""
Milliseconds = Annotated[int, Format("milliseconds")]
"""The same where a bare number is milliseconds, as in many of Kong's fields."""
Size = Annotated[int, Format("size")]
"""Bytes, or bytes per second; in the configuration file `k`, `m` and `g` may be written."""
FilePath = Annotated[str, Format("file_path")]
"""A file to read, relative to the main configuration file's directory. Absolute once it is in a `Config`."""
LogPath = Annotated[str, Format("log_path")]
"""A file to write, relative to the prefix. Absolute once it is in a `Config`."""
Text = Annotated[str, Format("text")]
"""A text with `$variables`, to be given to `session.text`; unknown variables are found at the start."""


@dataclass(frozen=True, slots=True)
class Check:
    """A rule between fields, by Kong's name of it."""

    rule: str
    fields: tuple[str, ...]


def at_least_one_of(*fields: str) -> Check:
    """One of these has to be set."""
    return Check("at_least_one_of", fields)


def only_one_of(*fields: str) -> Check:
    """One of these has to be set, and no other."""
    return Check("only_one_of", fields)


def mutually_required(*fields: str) -> Check:
    """All of these have to be set, or none."""
    return Check("mutually_required", fields)


def setting(
    default: Any = dataclasses.MISSING,
    *,
    one_of: tuple[Any, ...] | None = None,
    between: tuple[float, float] | None = None,
    len_min: int | None = None,
    match: str | None = None,
    secret: bool = False,
    doc: str = "",
) -> Any:
    """A field with limits. `match` is a regular expression for the whole text; a `secret` is never shown again.

    Where the field is a list, `one_of`, `between` and `match` hold for its elements and `len_min` for itself.
    """
    limits: Mapping[str, Any] = {
        name: value
        for name, value in (
            ("one_of", list(one_of) if one_of is not None else None),
            ("between", list(between) if between is not None else None),
            ("len_min", len_min),
            ("match", match),
            ("secret", secret or None),
            ("doc", doc or None),
        )
        if value is not None
    }
    return dataclasses.field(default=default, metadata={METADATA: limits})
