"""What the main context says about the workers' processes."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Variable:
    """`env NAME` or `env NAME=value`."""

    name: str
    value: str | None = None
    """None: as the master has it, if it does."""


@dataclass(frozen=True, slots=True)
class CpuAffinity:
    """`worker_cpu_affinity`."""

    masks: tuple[frozenset[int], ...]
    """The processors of each worker, the last ones for all that follow; with `auto` at most one, to choose from."""
    auto: bool = False

    def of(self, slot: int, allowed: Collection[int]) -> frozenset[int]:
        """The processors of a worker, of those that the process may run on; `auto` gives each worker one in turn."""
        if not self.auto:
            return self.masks[min(slot, len(self.masks) - 1)]
        chosen = sorted(self.masks[0] if self.masks else allowed)
        return frozenset(chosen[slot % len(chosen) :][:1]) if chosen else frozenset()
