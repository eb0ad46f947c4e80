"""The place of one run: a directory, the origin that stands behind every subject, and subjects on a scenario."""

from __future__ import annotations

import contextlib
import hashlib
import socket
import ssl
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from benchmarks import certificate
from benchmarks.clients import Address, WrongAnswer, client_context, dial, read_answer
from benchmarks.crew import Crew
from benchmarks.measure import Figure, Settings
from benchmarks.origin import ANSWER, BLOCK, REQUEST, Origin, digest
from benchmarks.scenario import Door, Scenario
from benchmarks.subjects import Subject, free_port

PROOF: Final = 32
"""MiB that a subject must carry without a fault before it is measured."""
PATIENCE: Final = 30.0


class Bench:
    """Use it in a `with`."""

    def __init__(self, settings: Settings, wanted: list[type[Subject]]) -> None:
        self.settings = settings
        self.wanted = wanted
        self.origin = Origin.open()
        self._crew = Crew(self.origin.jobs(settings.clients + 8), settings.load_cpus)
        self._place = tempfile.TemporaryDirectory(prefix="penstock-bench-")
        self.directory = Path(self._place.name)
        self.certificate, self.key = certificate.make(self.directory, "bench.example.com")
        self._count = 0
        self._proven: dict[int, dict[str, str]] = {}
        """Ciphers by door of each process that has shown that it works."""

    def __enter__(self) -> Self:
        self._crew.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._crew.__exit__(kind, error, trace)
        self._place.cleanup()

    def scenario(self, *wanted: str, workers: int = 1) -> Scenario:
        """Doors to the origin's services by name; `tls-` before the name terminates TLS."""
        doors = tuple(
            Door(name, free_port(), self.origin.port(name.removeprefix("tls-")), name.startswith("tls-"))
            for name in wanted
        )
        return Scenario(doors, workers, certificate=self.certificate, key=self.key)

    def place(self, name: str) -> Path:
        """A new directory for a subject."""
        self._count += 1
        return self.directory / f"{self._count}-{name}"

    @contextlib.contextmanager
    def running(self, *wanted: str, workers: int = 1) -> Iterator[list[Subject]]:
        """Every subject, started, each with ports of its own."""
        made = [
            kind(self.scenario(*wanted, workers=workers), self.place(kind.name), self.settings.proxy_cpus)
            for kind in self.wanted
        ]
        with self.started(made) as started:
            yield started

    @contextlib.contextmanager
    def started(self, made: list[Subject]) -> Iterator[list[Subject]]:
        """Start them, and end them in any case."""
        with contextlib.ExitStack() as stack:
            yield [stack.enter_context(subject) for subject in made]

    def proven(self, figure: Figure, started: list[Subject]) -> list[Subject]:
        """Those that return the right bytes on every door; the others are out."""
        good = []
        ciphers: dict[str, list[str]] = {}
        for subject in started:
            try:
                if subject.pid not in self._proven:
                    doors = subject.scenario.doors
                    self._proven[subject.pid] = {door.name: prove(("127.0.0.1", door.port), door) for door in doors}
                for cipher in filter(None, {*self._proven[subject.pid].values()}):
                    ciphers.setdefault(cipher, []).append(subject.label)
                good.append(subject)
            except (WrongAnswer, OSError) as error:
                figure.disqualified[subject.label] = str(error) or repr(error)
        if len(ciphers) > 1:
            figure.notes.append(f"not the same cipher: {ciphers}")
        return good


def address(subject: Subject, door: str) -> Address:
    """Where a door is."""
    return "127.0.0.1", subject.scenario.port(door)


def prove(where: Address, door: Door) -> str:
    """Raise unless the right bytes come through a door; the cipher that was used, if any."""
    service = door.name.removeprefix("tls-")
    with dial(where) as plain:
        plain.settimeout(PATIENCE)
        context = client_context() if door.tls else None
        sock = context.wrap_socket(plain, server_hostname="bench.example.com") if context else plain
        if service == "answer":
            sock.send(REQUEST)
            read_answer(sock, ANSWER)
        elif service == "source":
            sock.send(REQUEST)
            _compare(received(sock, PROOF * len(BLOCK)), digest(PROOF))
        elif service == "echo":
            _echoed(sock)
        elif service == "hold":
            sock.send(b"x")
            _compare(received(sock, 1), hashlib.sha256(b"x").hexdigest())
        if not isinstance(sock, ssl.SSLSocket):
            return ""
        cipher = sock.cipher()
        sock.close()
        return cipher[0] if cipher else ""


def _echoed(sock: socket.socket) -> None:
    """Both directions, one MiB at a time."""
    for _ in range(PROOF // 4):
        for at in range(0, len(BLOCK), 65536):
            sock.sendall(BLOCK[at : at + 65536])
            if received(sock, 65536) != hashlib.sha256(BLOCK[at : at + 65536]).hexdigest():
                raise WrongAnswer("an echo with other bytes")


def received(sock: socket.socket, size: int) -> str:
    """The SHA-256 of the next `size` bytes."""
    summed = hashlib.sha256()
    while size:
        data = sock.recv(min(size, 65536))
        if not data:
            raise WrongAnswer("the connection ended early")
        summed.update(data)
        size -= len(data)
    return summed.hexdigest()


def _compare(got: str, wanted: str) -> None:
    if got != wanted:
        raise WrongAnswer(f"SHA-256 is {got}, not {wanted}")
