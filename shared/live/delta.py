"""What a change set touches, and what that means to whoever serves."""

from __future__ import annotations

from dataclasses import dataclass, field

from ..model.upstream import Upstream


@dataclass(slots=True)
class Delta:
    """What a change set means to a worker, beside the tables that are changed already."""

    stale: set[int] = field(default_factory=set)
    """Ages of routes whose targets are to be made anew, or are gone."""
    services: set[str] = field(default_factory=set)
    """Ids of services whose routes' targets are to be made anew: all of them, and only those that were made matter."""
    certificates: set[int] = field(default_factory=set)
    """Ages of certificates whose contexts are not to be used any more."""
    upstreams: dict[str, Upstream | None] = field(default_factory=dict)
    """Upstreams of records, by id, that changed or went."""
    implicit: list[Upstream] = field(default_factory=list)
    """Upstreams that hosts of services stand for, if nobody did before."""
    left: list[Upstream] = field(default_factory=list)
    """Those that no host stands for any more."""
    plugins: bool = False
    """Whether plugins came, changed or went."""
    everywhere: bool = False
    """Whether those of all sessions did."""
    complaints: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Touched:
    """Ids, in the order in which they were touched: all processes do the same."""

    upstreams: dict[str, None] = field(default_factory=dict)
    services: dict[str, None] = field(default_factory=dict)
    certificates: dict[str, None] = field(default_factory=dict)
    routes: dict[str, None] = field(default_factory=dict)
