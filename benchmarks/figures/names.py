"""Passthrough by the name in the ClientHello, among few names and among many."""

from __future__ import annotations

import dataclasses
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
    """nginx's `ssl_preread` and `map`; Penstock the same way and by routes; HAProxy by a map file."""
    for size in bench.settings.sizes:
        figure = Figure(f"sni-{size}", f"SNI passthrough among {size:,} names", "CPU µs per connection", 1.05)
        names = [name(at) for at in range(size)]
        context = client_context()
        hellos = [hello(one, context) for one in random.Random(size).sample(names, min(ASKED, size))]
        with bench.started(variants(bench, names)) as started:

            def measure(subject: Subject, hellos: list[bytes] = hellos) -> Sample:
                jobs = [
                    visit(address(subject, "sni"), hellos[at:] + hellos[:at]) for at in range(bench.settings.clients)
                ]
                return cost(subject, jobs, bench.settings, MICRO)

            in_turn(figure, proven(figure, started, hellos), bench.settings.rounds, measure)
            figure.notes += [f"{one.label} started in {one.started_in:.1f} s" for one in started]
        yield figure


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
