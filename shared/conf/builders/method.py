"""How an upstream chooses: `hash`, `least_conn`, `least_time`, `random`, or turns when none of them is written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from ...errors import ConfigError
from ...template import Template
from ..tree import Directive
from .context import Context
from .scope import Scope

METHODS: Final = ("hash", "least_conn", "least_time", "random")
UNFIT: Final[Mapping[str, tuple[str, ...]]] = {"hash": ("backup", "slow_start"), "random": ("backup", "slow_start")}
"""Parameters of `server` that a method cannot honour. nginx says so only of servers that follow the method's line."""
BETTER: Final = ("least_conn", "least_time=connect", "least_time=first_byte", "least_time=last_byte")


@dataclass(frozen=True, slots=True)
class Method:
    """The method of one upstream."""

    name: str = "round_robin"
    arguments: tuple[str, ...] = ()
    key: Template | None = None


def build_method(scope: Scope, context: Context) -> Method:
    """The method that is written last; nginx warns about those before it."""
    found = scope.own(*METHODS)
    for again in found[1:]:
        context.warn("load balancing method redefined", again.where)
    if not found:
        return Method()
    directive = found[-1]
    words = tuple(word.text for word in directive.words)
    if directive.name == "hash":
        return Method("hash", words[1:], context.template(directive.words[0]))
    if directive.name == "random":
        check_random(directive)
    return Method(directive.name, words)


def check_random(directive: Directive) -> None:
    """`random [two [METHOD]]`."""
    for word, known in zip(directive.words, (("two",), BETTER), strict=False):
        if word.text not in known:
            raise ConfigError(f'invalid parameter "{word.text}"', word.where, "expected " + " or ".join(known))


def check_parameters(server: Directive, scope: Scope) -> None:
    """Refuse a `server` whose parameters the method above it cannot honour."""
    above = [each for each in scope.own(*METHODS, "server") if each is server or each.name in METHODS]
    place = above.index(server)
    if place == 0:
        return
    unfit = UNFIT.get(above[place - 1].name, ())
    for word in server.words[1:]:
        name = word.text.partition("=")[0]
        if name in unfit:
            raise ConfigError(f'balancing method does not support parameter "{word.text}"', word.where)
