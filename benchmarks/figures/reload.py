"""A reload with many names, while clients come and go."""

from __future__ import annotations

import dataclasses
import os
import time
from collections.abc import Iterator
from typing import Final

from benchmarks.accounting import cpu_seconds, descendants
from benchmarks.bench import Bench, address
from benchmarks.clients import client_context, dial, hello
from benchmarks.crew import Crew
from benchmarks.figures.names import name, proven
from benchmarks.measure import Disqualified, Figure, Sample, in_turn
from benchmarks.origin import ANSWER
from benchmarks.pace import Timings, paced, percentile, visits
from benchmarks.scenario import Door
from benchmarks.subjects import Subject, free_port, wait_until

VISITORS: Final = 8
RATE: Final = 800.0
"""New connections per second meanwhile."""
GONE: Final = 20.0
"""Seconds that an old generation gets to end."""
OTHER: Final = ANSWER[::-1]


def reload(bench: Bench) -> Iterator[Figure]:
    """One name of many gets another origin: seconds until it is asked there, what that cost, and who had to wait."""
    size = bench.settings.sizes[-1]
    took = Figure("reload-time", f"reload with {size:,} names, until the new generation answers", "s", limit=1.5)
    spent = Figure("reload-cpu", f"reload with {size:,} names, until the old generation is gone", "CPU-s")
    waits = Figure("reload-p99", "p99 of new connections during that reload", "ms", limit=50.0)
    plain = bench.origin.port("answer")
    answers = tuple((name(at), plain) for at in range(size))
    hellos = [hello(name(0), client_context()), hello(name(size // 2), client_context())]

    def measure(subject: Subject) -> Sample:
        time_taken, cpu, p99 = change(bench, subject, *hellos)
        spent.add(subject.label, Sample(cpu))
        waits.add(subject.label, Sample(p99))
        return Sample(time_taken)

    everywhere = set(os.sched_getaffinity(0))  # building tables need not share a processor with serving
    made = [
        kind(
            dataclasses.replace(bench.scenario(), sni=Door("sni", free_port(), plain), names=answers),
            bench.place(kind.name),
            everywhere,
        )
        for kind in bench.wanted
    ]
    with bench.started(made) as started:
        in_turn(took, proven(took, started, hellos), bench.settings.repeats, measure)
    waits.notes.append(f"{RATE:,.0f} new connections per second meanwhile; none may fail")
    yield from (took, spent, waits)


def change(bench: Bench, subject: Subject, changed: bytes, kept: bytes) -> tuple[float, float, float]:
    """Seconds, CPU seconds, and the 99th percentile in milliseconds of one reload."""
    scenario = subject.scenario
    (first, port), *rest = scenario.names
    ports = {bench.origin.port("answer"): OTHER, bench.origin.port("other"): ANSWER}
    wanted = ports[port]
    other = next(one for one in ports if one != port)
    subject.scenario = dataclasses.replace(scenario, names=((first, other), *rest))
    subject.write(subject.scenario)
    where = address(subject, "sni")
    family = len(descendants(subject.pid))
    timings = Timings(VISITORS)
    jobs = [paced(visits(where, kept), RATE / VISITORS, timings.row(at), at) for at in range(VISITORS)]
    with Crew(jobs, bench.settings.load_cpus) as crew:
        time.sleep(bench.settings.warm_up)
        before, cpu, began = crew.each, cpu_seconds(subject.pid), time.monotonic()
        subject.reload()
        wait_until(lambda: asked(where, changed) == wanted, "the new generation", pause=0.002)
        took = time.monotonic() - began
        wait_until(lambda: len(descendants(subject.pid)) <= family, "the old generation to end", GONE)
        cpu = cpu_seconds(subject.pid) - cpu
        waited = timings.taken(before, crew.each)
        failed = crew.errors
    if failed:
        raise Disqualified(f"{failed} connections failed during a reload")
    return took, cpu, percentile(waited, 0.99) * 1e3


def asked(where: tuple[str, int], hello_bytes: bytes) -> bytes:
    """Which answer a name gets now."""
    with dial(where) as sock:
        sock.settimeout(30)
        sock.send(hello_bytes)
        return sock.recv(4096)
