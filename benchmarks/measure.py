"""A figure: one number for each subject and round, and what is said of them."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from benchmarks.accounting import cpu_seconds, ticks, user_share
from benchmarks.crew import Crew, Job
from benchmarks.subjects import Subject, wait_until

FIRST_ANSWER: Final = 20.0
"""Seconds within which every client must have been served once."""


class Disqualified(Exception):
    """The subject did not do the work."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How much is measured, and where."""

    quick: bool
    """Leave out what is much like something else."""
    rounds: int
    window: float
    """Seconds that one measurement lasts."""
    warm_up: float
    clients: int
    sizes: tuple[int, ...]
    """Numbers of names to route by."""
    sessions: int
    """Idle sessions to hold."""
    repeats: int
    """Rounds of what takes long."""
    proxy_cpus: set[int]
    load_cpus: set[int]

    @classmethod
    def pick(cls, quick: bool, rounds: int | None, pinned: bool) -> Settings:
        """The usual amount, or a quick look. The proxies get the first processor, everything else the others."""
        cpus = sorted(os.sched_getaffinity(0))
        split = pinned and len(cpus) > 1
        return cls(
            quick=quick,
            rounds=rounds or (2 if quick else 5),
            window=0.4 if quick else 1.25,
            warm_up=0.1 if quick else 0.4,
            clients=32,
            sizes=(10, 2_000) if quick else (10, 1_000, 100_000),
            sessions=1000 if quick else 4000,
            repeats=min(rounds or 5, 1 if quick else 3),
            proxy_cpus={cpus[0]} if split else set(cpus),
            load_cpus=set(cpus[1:]) if split else set(cpus),
        )


@dataclass(slots=True)
class Sample:
    """One measurement."""

    value: float
    rate: float = 0.0
    """Units per second."""
    busy: float = 0.0
    """Processors' worth of time that the subject used."""
    user: float = 0.0
    """The part of it outside the kernel."""


@dataclass(slots=True)
class Figure:
    """What one kind of work costs."""

    key: str
    title: str
    unit: str
    target: float | None = None
    """Penstock ÷ nginx, at most."""
    limit: float | None = None
    """What Penstock may take at most, whatever the others do."""
    least: float | None = None
    """What Penstock must give at least: the one kind of figure where more is better."""
    samples: dict[str, list[Sample]] = field(default_factory=dict)
    disqualified: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    curves: dict[str, list[tuple[int, int]]] = field(default_factory=dict)
    """For a plot: a measure at growing numbers."""

    def add(self, subject: str, sample: Sample) -> None:
        """Remember a measurement."""
        self.samples.setdefault(subject, []).append(sample)

    def values(self, subject: str) -> list[float]:
        """All measurements of a subject, in order."""
        return [sample.value for sample in self.samples.get(subject, [])]

    def median(self, subject: str) -> float:
        """The middle one."""
        return statistics.median(self.values(subject))

    def ratios(self, subject: str, against: str = "nginx", of: Figure | None = None) -> list[float]:
        """Round by round, against another subject (of another figure)."""
        others = (of or self).values(against)
        return [ours / theirs for ours, theirs in zip(self.values(subject), others, strict=False)]

    def ratio(self, subject: str, against: str = "nginx") -> float | None:
        """The median of the ratios; None without anything to compare with."""
        ratios = self.ratios(subject, against)
        return statistics.median(ratios) if ratios else None


def in_turn(figure: Figure, subjects: list[Subject], rounds: int, measure: Callable[[Subject], Sample]) -> None:
    """Measure A B C A B C …; who fails once is out."""
    for _ in range(rounds):
        for subject in subjects:
            if subject.label in figure.disqualified:
                continue
            try:
                figure.add(subject.label, measure(subject))
            except (Disqualified, OSError) as error:
                figure.disqualified[subject.label] = str(error)
                figure.samples.pop(subject.label, None)


def cost(subject: Subject, jobs: list[Job], settings: Settings, scale: float) -> Sample:
    """Run the jobs against a subject for a while: CPU time per unit of work, times `scale`."""
    with Crew(jobs, settings.load_cpus) as crew:
        time.sleep(settings.warm_up)
        wait_until(lambda: min(crew.each) > 0 or crew.errors > len(jobs), "every client's first answer", FIRST_ANSWER)
        units, errors = crew.units, crew.errors
        began, spent, before = time.monotonic(), cpu_seconds(subject.pid), ticks(subject.pid)
        time.sleep(settings.window)
        took, spent = time.monotonic() - began, cpu_seconds(subject.pid) - spent
        user = user_share(subject.pid, before)
        units = crew.units - units
        failed = crew.errors - errors
    if failed or not units:
        raise Disqualified(f"{failed} errors and {units} units of work")
    return Sample(spent / units * scale, units / took, spent / took, user)
