"""Two workers against one.

Throughput says it directly when the workers are the limit. On a machine with few processors the load generator is;
then the ratio comes from what the work cost: how much of it would fit until the busiest worker is full.
"""

from __future__ import annotations

import dataclasses
import os
import time
from collections.abc import Iterator
from typing import Final

from benchmarks.accounting import threads_seconds
from benchmarks.bench import Bench, address
from benchmarks.clients import visit
from benchmarks.crew import Crew
from benchmarks.measure import Disqualified, Figure, Sample, Settings, in_turn
from benchmarks.subjects import Subject

FULL: Final = 0.9
"""Share of its time from which a worker counts as the limit."""


def workers(bench: Bench) -> Iterator[Figure]:
    """Plain connections through one worker, then through two; both are free to run on any processor."""
    figure = Figure("workers", "two workers against one, plain connections", "× as much work", least=1.8)
    everywhere = set(os.sched_getaffinity(0))
    settings = dataclasses.replace(bench.settings, load_cpus=everywhere)
    pairs: dict[str, Subject] = {}
    limited: dict[str, list[bool]] = {}
    rates: dict[str, list[float]] = {}

    def measure(subject: Subject) -> Sample:
        single = fill(subject, settings)
        double = fill(pairs[subject.label], settings)
        ours = double.busy >= FULL and single.busy >= FULL
        limited.setdefault(subject.label, []).append(not ours)
        rates.setdefault(subject.label, []).append(double.rate / single.rate)
        return Sample(double.rate / single.rate if ours else double.value / single.value, double.rate)

    with bench.running("answer") as one, bench.running("answer", workers=2) as two:
        for subject in (*one, *two):
            subject.spread(everywhere)
        pairs.update({subject.label: subject for subject in two})
        in_turn(figure, bench.proven(figure, one), 1 if settings.quick else settings.rounds, measure)
    for label, generator in limited.items():
        if any(generator):
            median = sorted(rates[label])[len(rates[label]) // 2]
            figure.notes.append(
                f"{label}: the load generator was the limit in {sum(generator)} of {len(generator)} rounds "
                f"(throughput × {median:.2f}), so the ratio is of work per CPU second of the busiest worker"
            )
    yield figure


def fill(subject: Subject, settings: Settings) -> Sample:
    """The work that fits into one second of the busiest thread; `busy` is its share of the time."""
    jobs = [visit(address(subject, "answer"))] * settings.clients * 2
    with Crew(jobs, settings.load_cpus) as crew:
        time.sleep(settings.warm_up)
        before, done, began = threads_seconds(subject.pid), crew.units, time.monotonic()
        time.sleep(settings.window)
        after, done, took = threads_seconds(subject.pid), crew.units - done, time.monotonic() - began
        failed = crew.errors
    if failed or not done:
        raise Disqualified(f"{failed} errors and {done} units of work")
    busiest = max(spent - before.get(thread, 0.0) for thread, spent in after.items())
    return Sample(done / busiest, done / took, busiest / took)
