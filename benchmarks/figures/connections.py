"""Connections and small requests: what a session costs apart from the bytes it carries."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.bench import Bench, address
from benchmarks.clients import chat, visit
from benchmarks.measure import Figure, Sample, cost, in_turn
from benchmarks.subjects import Subject

MICRO = 1e6


def plain(bench: Bench) -> Iterator[Figure]:
    """Connect, request, answer, close."""
    figure = Figure("plain", "plain connection, connect → request → answer → close", "CPU µs per connection", 1.0)
    with bench.running("answer", "source", "echo") as started:

        def measure(subject: Subject) -> Sample:
            jobs = [visit(address(subject, "answer"))] * bench.settings.clients
            return cost(subject, jobs, bench.settings, MICRO)

        in_turn(figure, bench.proven(figure, started), bench.settings.rounds, measure)
    yield figure


def request(bench: Bench) -> Iterator[Figure]:
    """A small request on a session that stays."""
    figure = Figure("request", "small request on an open session", "CPU µs per request", 1.0)
    with bench.running("echo") as started:

        def measure(subject: Subject) -> Sample:
            jobs = [chat(address(subject, "echo"))] * bench.settings.clients
            return cost(subject, jobs, bench.settings, MICRO)

        in_turn(figure, bench.proven(figure, started), bench.settings.rounds, measure)
    yield figure
