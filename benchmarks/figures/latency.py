"""How long clients wait while the proxy is half busy."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Final

from benchmarks.bench import Bench, address
from benchmarks.clients import Address, chat, visit
from benchmarks.crew import Crew, Job
from benchmarks.measure import Disqualified, Figure, Sample, cost, in_turn
from benchmarks.pace import Timings, paced, percentile, requests, visits
from benchmarks.subjects import Subject

MILLI: Final = 1e3

Full = Callable[[Address], Job]
Unit = Callable[[Address], Callable[[], object]]


def latency(bench: Bench) -> Iterator[Figure]:
    """Connections, then requests on open sessions, at half of what goes through nginx at most."""
    kinds: tuple[tuple[str, str, str, Full, Unit], ...] = (
        ("latency-connection", "connection", "answer", visit, visits),
        ("latency-request", "request", "echo", chat, requests),
    )
    with bench.running("answer", "echo") as started:
        for key, what, door, full, unit in kinds:
            figure = Figure(key, f"p99 latency of a {what} at 50 % of capacity", "ms", 1.0)
            rate = capacity(bench, started, door, full) / 2

            def measure(subject: Subject, door: str = door, unit: Unit = unit, rate: float = rate) -> Sample:
                return waited(bench, [unit(address(subject, door)) for _ in range(bench.settings.clients)], rate)

            figure.notes.append(f"{rate:,.0f} {what}s per second for every subject")
            direct = ("127.0.0.1", bench.origin.port(door))
            alone = waited(bench, [unit(direct) for _ in range(bench.settings.clients)], rate).value
            figure.notes.append(f"{alone:.2f} ms without a proxy: what the load generator itself waits")
            in_turn(figure, bench.proven(figure, started), bench.settings.rounds, measure)
            yield figure


def capacity(bench: Bench, started: list[Subject], door: str, full: Full) -> float:
    """Units per second that go through nginx (or, without it, the first subject) when clients do not wait."""
    reference = next((subject for subject in started if subject.name == "nginx"), started[0])
    jobs = [full(address(reference, door))] * bench.settings.clients
    return cost(reference, jobs, bench.settings, 1).rate


def waited(bench: Bench, units: list[Callable[[], object]], rate: float) -> Sample:
    """The 99th percentile of one window."""
    settings = bench.settings
    timings = Timings(len(units))
    jobs = [paced(unit, rate / len(units), timings.row(at), at) for at, unit in enumerate(units)]
    with Crew(jobs, settings.load_cpus) as crew:
        time.sleep(settings.warm_up)
        first = crew.each
        time.sleep(settings.window)
        last, errors = crew.each, crew.errors
    taken = timings.taken(first, last)
    if errors or not taken:
        raise Disqualified(f"{errors} errors and {len(taken)} answers")
    return Sample(percentile(taken, 0.99) * MILLI, len(taken) / settings.window)
