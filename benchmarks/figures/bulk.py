"""Bulk: what a gigabyte costs, in each direction, plain and terminated."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator

from benchmarks.bench import Bench, address
from benchmarks.clients import Address, client_context, download, upload
from benchmarks.crew import Job
from benchmarks.measure import Figure, Sample, cost, in_turn
from benchmarks.subjects import Subject

GIGA = 1e9

Move = Callable[[Address, ssl.SSLContext | None], Job]


def bulk(bench: Bench) -> Iterator[Figure]:
    """Plain, both directions, one stream and four."""
    with bench.running("source", "sink", "echo") as started:
        for move, door, way in ((download, "source", "to the client"), (upload, "sink", "from the client")):
            for streams in (1,) if bench.settings.quick else (1, 4):
                title = f"bulk {way}, {streams} stream{'s' * (streams > 1)}"
                figure = Figure(f"bulk-{move.__name__}-{streams}", title, "CPU-s per GB", 0.45)
                _measure(bench, figure, started, move, door, streams, None)
                yield figure


def tls_bulk(bench: Bench) -> Iterator[Figure]:
    """Terminated, both directions, one stream."""
    with bench.running("tls-source", "tls-sink", "tls-echo") as started:
        for move, door, way in ((download, "tls-source", "to the client"), (upload, "tls-sink", "from the client")):
            figure = Figure(f"tls-bulk-{move.__name__}", f"TLS 1.3 bulk {way}, terminated", "CPU-s per GB", 0.80)
            _measure(bench, figure, started, move, door, 1, client_context())
            yield figure


def _measure(
    bench: Bench,
    figure: Figure,
    started: list[Subject],
    move: Move,
    door: str,
    streams: int,
    context: ssl.SSLContext | None,
) -> None:
    def measure(subject: Subject) -> Sample:
        jobs = [move(address(subject, door), context)] * streams
        return cost(subject, jobs, bench.settings, GIGA)

    in_turn(figure, bench.proven(figure, started), bench.settings.rounds, measure)
