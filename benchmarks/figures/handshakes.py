"""Handshakes that the proxy terminates."""

from __future__ import annotations

import ssl
from collections.abc import Iterator

from benchmarks.bench import Bench, address
from benchmarks.clients import client_context, handshake
from benchmarks.measure import Figure, Sample, cost, in_turn
from benchmarks.subjects import Subject

MICRO = 1e6
KINDS = (
    ("handshake-full", "TLS 1.3 handshake, ECDSA P-256, full", ssl.TLSVersion.TLSv1_3, False),
    ("handshake-resumed", "TLS 1.3 handshake, resumed", ssl.TLSVersion.TLSv1_3, True),
    ("handshake-full-12", "TLS 1.2 handshake, ECDSA P-256, full", ssl.TLSVersion.TLSv1_2, False),
    ("handshake-resumed-12", "TLS 1.2 handshake, resumed", ssl.TLSVersion.TLSv1_2, True),
)


def handshakes(bench: Bench) -> Iterator[Figure]:
    """Full and resumed, TLS 1.3 and 1.2; each connection carries one request and its answer."""
    with bench.running("tls-answer", "tls-echo") as started:
        for key, title, version, resume in KINDS[:2] if bench.settings.quick else KINDS:
            figure = Figure(key, title, "CPU µs per handshake", 1.0)
            context = client_context(version)

            def measure(subject: Subject, context: ssl.SSLContext = context, resume: bool = resume) -> Sample:
                jobs = [handshake(address(subject, "tls-answer"), context, resume)] * bench.settings.clients
                return cost(subject, jobs, bench.settings, MICRO)

            in_turn(figure, bench.proven(figure, started), bench.settings.rounds, measure)
            yield figure
