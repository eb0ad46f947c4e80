"""Passthrough by the name in the ClientHello, among few names and among many."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import random
from collections.abc import Iterator

from benchmarks.bench import Bench, address
from benchmarks.clients import WrongAnswer, client_context, dial, hello, read_answer, visit
from benchmarks.measure import Figure, Sample, cost, in_turn
from benchmarks.origin import ANSWER
from benchmarks.scenario import Door, Scenario
from benchmarks.subjects import Penstock, Subject, free_port

MICRO = 1e6
ASKED = 64
"""Different names that clients ask for."""


def sni(bench: Bench) -> Iterator[Figure]:
    """nginx's `ssl_preread` and `map`; Penstock the same way and by routes; HAProxy by a map file.

    All sizes run at once and are measured in turn, so that growing with the number of names can be told from noise.
    """
    figures, hellos, good = {}, {}, {}
    context = client_context()
    with contextlib.ExitStack() as stack:
        for size in bench.settings.sizes:
            figures[size] = figure = Figure(
                f"sni-{size}", f"SNI passthrough among {size:,} names", "CPU µs per connection", 1.05
            )
            names = [name(at) for at in range(size)]
            asked = random.Random(size).sample(names, min(ASKED, size))
            hellos[size] = [hello(one, context) for one in asked]
            started = stack.enter_context(bench.started(variants(bench, names)))
            figure.notes.append("started in " + ", ".join(f"{one.started_in:.1f} s ({one.label})" for one in started))
            good[size] = proven(figure, started, hellos[size])
        for _ in range(bench.settings.rounds):
            for size, figure in figures.items():
                in_turn(figure, good[size], 1, functools.partial(one_sample, bench, hellos[size]))
    yield from figures.values()
    yield growth(figures)


def one_sample(bench: Bench, hellos: list[bytes], subject: Subject) -> Sample:
    """Every client goes round all hellos, each from another place on."""
    clients = range(bench.settings.clients)
    jobs = [visit(address(subject, "sni"), hellos[at % len(hellos) :] + hellos[: at % len(hellos)]) for at in clients]
    return cost(subject, jobs, bench.settings, MICRO)


def growth(figures: dict[int, Figure]) -> Figure:
    """What a connection costs among the most names, where it costs 1 among the fewest."""
    few, many = min(figures), max(figures)
    title = f"SNI passthrough, {many:,} names against {few:,}"
    figure = Figure("sni-growth", title, "× as much CPU", limit=1.05)
    for subject in figures[many].samples:
        for ratio in figures[many].ratios(subject, subject, figures[few]):
            figure.add(subject, Sample(ratio))
    return figure


def name(at: int) -> str:
    """The name number `at`."""
    return f"host-{at}.example-{at % 97}.com"


def variants(bench: Bench, names: list[str]) -> list[Subject]:
    """Every subject, and Penstock once more with nginx's own configuration."""
    origin = bench.origin.port("answer")
    answers = tuple((one, origin) for one in names)

    def scenario(as_map: bool = False) -> Scenario:
        return dataclasses.replace(bench.scenario(), sni=Door("sni", free_port(), origin), names=answers, as_map=as_map)

    cpus = bench.settings.proxy_cpus
    made = [kind(scenario(), bench.place(kind.name), cpus) for kind in bench.wanted]
    if Penstock in bench.wanted:
        made.insert(1, Penstock(scenario(as_map=True), bench.place("penstock-map"), cpus, "penstock (map)"))
    return made


def proven(figure: Figure, started: list[Subject], hellos: list[bytes]) -> list[Subject]:
    """Those that bring each of the hellos to the origin."""
    good = []
    for subject in started:
        try:
            for one in hellos:
                with dial(address(subject, "sni")) as sock:
                    sock.settimeout(10)
                    sock.send(one)
                    read_answer(sock, ANSWER)
            good.append(subject)
        except (WrongAnswer, OSError) as error:
            figure.disqualified[subject.label] = str(error)
    return good
