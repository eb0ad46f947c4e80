"""`env`, `worker_cpu_affinity`, `worker_priority`: what the workers' processes are given."""

from __future__ import annotations

from typing import Final

from ...errors import ConfigError
from ...model.process import CpuAffinity, Variable
from ..tree import Word
from .context import Context
from .scope import Scope

AUTO: Final = "auto"
CPU_SETSIZE: Final = 1024
UNEQUAL: Final = (
    'the number of "worker_processes" is not equal to the number of "worker_cpu_affinity" masks, '
    "using last mask for remaining worker processes"
)


def environment(scope: Scope) -> tuple[Variable, ...]:
    """Every `env`, in the order written: of two for one name the first counts."""
    found = []
    for directive in scope.own("env"):
        name, equals, value = directive.words[0].text.partition("=")
        if name:
            found.append(Variable(name, value if equals else None))
    return tuple(found)


def worker_priority(scope: Scope) -> int:
    """The workers' nice value."""
    word = scope.word("worker_priority")
    return 0 if word is None else int(word.text)


def cpu_affinity(scope: Scope, workers: int, context: Context) -> CpuAffinity | None:
    """`worker_cpu_affinity`; None where nothing is written."""
    directive = scope.one("worker_cpu_affinity")
    if directive is None:
        return None
    auto = directive.words[0].text == AUTO
    words = directive.words[1:] if auto else directive.words
    if auto and len(words) > 1:
        raise ConfigError('invalid number of arguments in "worker_cpu_affinity" directive', directive.where)
    masks = tuple(mask(word) for word in words)
    if not auto and len(masks) not in (1, workers):
        context.warn(UNEQUAL, directive.where)
    return CpuAffinity(masks, auto)


def mask(word: Word) -> frozenset[int]:
    """Processors as ones among zeros, the first one at the right; spaces are for the eye."""
    digits = word.text.replace(" ", "")
    for digit in digits:
        if digit not in "01":
            raise ConfigError(f'invalid character "{digit}" in "worker_cpu_affinity"', word.where)
    if len(digits) > CPU_SETSIZE:
        raise ConfigError(f'"worker_cpu_affinity" supports up to {CPU_SETSIZE} CPUs only', word.where)
    return frozenset(number for number, digit in enumerate(reversed(digits)) if digit == "1")
