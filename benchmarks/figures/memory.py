"""What an idle session holds: private memory of the proxy's processes, from `smaps_rollup`.

Each session has carried one byte each way. A quarter of the sessions is opened before the first look, so that what a
process needs once is not counted; a round starts a fresh process, since memory that was freed would be used again.
"""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Iterator
from typing import Final

from benchmarks.accounting import private_bytes
from benchmarks.bench import Bench, address
from benchmarks.clients import Address, WrongAnswer, client_context, dial
from benchmarks.measure import Figure, Sample, in_turn
from benchmarks.subjects import Subject

SETTLE: Final = 0.4
"""Seconds before memory is read."""
STEPS: Final = 4


def idle(bench: Bench) -> Iterator[Figure]:
    """Plain and terminated."""
    for door, title, target in (("hold", "plain", 0.25), ("tls-hold", "terminated, TLS 1.3", 0.60)):
        figure = Figure(
            f"idle-{'tls' if door != 'hold' else 'plain'}", f"idle session, {title}", "private bytes", target
        )

        def measure(subject: Subject, door: str = door, figure: Figure = figure) -> Sample:
            points = held(address(subject, door), subject.pid, bench.settings.sessions, door != "hold")
            figure.curves[subject.label] = points
            (few, least), (many, most) = points[0], points[-1]
            return Sample((most - least) / (many - few))

        for _ in range(min(2, bench.settings.repeats)):
            with bench.running(door) as started:
                in_turn(figure, bench.proven(figure, started), 1, measure)
        figure.notes.append(f"{bench.settings.sessions:,} sessions more, after {bench.settings.sessions // STEPS:,}")
        yield figure


def held(where: Address, pid: int, sessions: int, tls: bool) -> list[tuple[int, int]]:
    """Sessions and private bytes, at each step."""
    context = client_context() if tls else None
    kept: list[socket.socket] = []
    points = []
    try:
        for _ in range(STEPS + 1):
            kept += [one(where, context) for _ in range(sessions // STEPS)]
            time.sleep(SETTLE)
            points.append((len(kept), private_bytes(pid)))
    finally:
        for sock in kept:
            sock.close()
    return points


def one(where: Address, context: ssl.SSLContext | None) -> socket.socket:
    """A session that has been used once."""
    sock = dial(where)
    if context is not None:
        sock = context.wrap_socket(sock, server_hostname="bench.example.com")
    sock.send(b"x")
    if sock.recv(16) != b"x":
        raise WrongAnswer("no echo")
    return sock
