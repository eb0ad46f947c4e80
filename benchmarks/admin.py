"""`python -m benchmarks.admin`: what changes through the Admin API cost with many routes stored, and what reloads,
restarts and deaths of workers cost then. Two workers; CPU is that of the master and the workers together.
"""

from __future__ import annotations

import argparse
import asyncio
import http.client
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from benchmarks.accounting import cpu_seconds, descendants, private_bytes
from benchmarks.clients import Address, client_context, dial, hello
from benchmarks.crew import Crew, die_with
from benchmarks.machine import Neighbours, described
from benchmarks.origin import ANSWER, Origin
from benchmarks.pace import Timings, paced, percentile, visits
from benchmarks.subjects import ROOT, free_port, wait_until

WORKERS: Final = 2
CONNECTIONS: Final = 32
"""Keep-alive connections that load routes."""
RATE: Final = 200.0
"""New connections per second meanwhile."""
HEAD: Final = (
    b"POST /routes HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
)
HELLOS: Final = client_context()


class Node:
    """A Penstock with an Admin API and nothing else; `store` is the value of `database`."""

    def __init__(self, directory: Path, store: str) -> None:
        self.directory = directory
        self.stream, self.admin, self.metrics = free_port(), free_port(), free_port()
        (directory / "conf").write_text(
            f"daemon off; pid {directory}/pid; error_log {directory}/error.log notice; worker_processes {WORKERS};\n"
            f"{'user root;' if os.geteuid() == 0 else ''} metrics_listen 127.0.0.1:{self.metrics};\n"
            f"admin_listen 127.0.0.1:{self.admin}; database {store};\n"
            "events { worker_connections 4096; }\n"
            f"stream {{ stream_listen 127.0.0.1:{self.stream}; }}\n"
        )
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> float:
        """Start it; seconds until it serves."""
        began, parent = time.monotonic(), os.getpid()
        with (self.directory / "output.txt").open("ab") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "penstock", "-p", str(self.directory), "-c", str(self.directory / "conf")],
                env=os.environ | {"PYTHONPATH": str(ROOT / "src")},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                preexec_fn=lambda: die_with(parent, signal.SIGTERM),
            )
        wait_until(self.ready, "the node to serve")
        return time.monotonic() - began

    def stop(self) -> None:
        """End it."""
        if self.process is not None:
            self.process.terminate()
            self.process.wait(30)

    @property
    def pid(self) -> int:
        """The master's."""
        assert self.process is not None
        return self.process.pid

    @property
    def where(self) -> Address:
        """Where connections are routed."""
        return "127.0.0.1", self.stream

    def ready(self) -> bool:
        """Whether it serves."""
        if self.process is not None and self.process.poll() is not None:
            raise SystemExit((self.directory / "error.log").read_text() + (self.directory / "output.txt").read_text())
        try:
            return self.status("/status/ready") == 200
        except OSError:
            return False

    def status(self, path: str) -> int:
        """The status of a GET."""
        return self.ask("GET", path)[0]

    def ask(self, method: str, path: str, value: Any = None) -> tuple[int, Any]:
        """One request on a connection of its own."""
        connection = http.client.HTTPConnection("127.0.0.1", self.admin, timeout=120)
        try:
            body = None if value is None else json.dumps(value)
            connection.request(method, path, body, {} if body is None else {"Content-Type": "application/json"})
            answer = connection.getresponse()
            content = answer.read()
        finally:
            connection.close()
        return answer.status, json.loads(content) if content else None

    def generation(self) -> int:
        """The number of the one in force."""
        found: list[dict[str, Any]] = self.ask("GET", "/generations")[1]["data"]
        return max(int(each["generation"]) for each in found if each["state"] == "in force")


def name(at: int) -> str:
    """The server name of route number `at`."""
    return f"host-{at}.example-{at % 97}.com"


def route(at: int, service: str = "s0") -> dict[str, Any]:
    """A route as it is posted."""
    return {
        "name": f"r{at}",
        "protocols": ["tls_passthrough"],
        "snis": [name(at)],
        "service": {"name": service},
        "tags": [f"t{at % 10}"],
    }


async def load(node: Node, first: int, last: int) -> list[float]:
    """Post routes over many connections; the milliseconds that each took, in order of size."""
    left, waited = iter(range(first, last)), list[float]()

    async def client() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", node.admin)
        for at in left:
            body, began = json.dumps(route(at)).encode(), time.monotonic()
            writer.write(HEAD % len(body) + body)
            answer = await reader.readuntil(b"\r\n\r\n")
            length = int(answer.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
            content = await reader.readexactly(length)
            if not answer.startswith(b"HTTP/1.1 201"):
                raise SystemExit(answer.decode() + content.decode())
            waited.append((time.monotonic() - began) * 1e3)
        writer.close()

    await asyncio.gather(*[client() for _ in range(CONNECTIONS)])
    return sorted(waited)


def answered(node: Node, asked: bytes) -> bytes:
    """What a connection gets that asks for a name; nothing is a refusal."""
    try:
        with dial(node.where) as sock:
            sock.settimeout(30)
            sock.send(asked)
            return sock.recv(4096)
    except OSError:
        return b""


class Costs:
    """Milliseconds until a change is felt, and milliseconds of CPU that it takes."""

    def __init__(self) -> None:
        self.waited: list[float] = []
        self.spent: list[float] = []

    @contextmanager
    def one(self, node: Node) -> Iterator[None]:
        """A change and what it does."""
        cpu, began = cpu_seconds(node.pid), time.monotonic()
        yield
        self.waited.append((time.monotonic() - began) * 1e3)
        self.spent.append((cpu_seconds(node.pid) - cpu) * 1e3)

    def __str__(self) -> str:
        return (
            f"{statistics.median(self.waited):7.1f} ms, worst {max(self.waited):.1f}; "
            f"CPU {statistics.median(self.spent):.1f} ms, worst {max(self.spent):.1f}"
        )


def changes(node: Node, size: int, rounds: int) -> Iterator[tuple[str, str]]:
    """One route more, another name for it, none any more; each until a connection feels it on every try."""
    made, moved, gone = Costs(), Costs(), Costs()
    for at in range(size, size + rounds):
        one, other = hello(name(at), HELLOS), hello(f"moved-{name(at)}", HELLOS)
        with made.one(node):
            if node.ask("POST", "/routes", route(at))[0] != 201 or answered(node, one) != ANSWER:
                raise SystemExit("the new route is not in force")
        with moved.one(node):
            if node.ask("PATCH", f"/routes/r{at}", {"snis": [f"moved-{name(at)}"]})[0] != 200:
                raise SystemExit("the route was not changed")
            if answered(node, other) != ANSWER:
                raise SystemExit("the changed route is not in force")
        with gone.one(node):
            if node.ask("DELETE", f"/routes/r{at}")[0] != 204 or answered(node, other):
                raise SystemExit("the route is still there")
    yield "POST /routes until routed", str(made)
    yield "PATCH /routes/… until routed", str(moved)
    yield "DELETE /routes/… until refused", str(gone)
    several = Costs()
    for _ in range(rounds):
        with several.one(node):
            node.ask("PATCH", "/services/s0", {"retries": 4})
    yield "PATCH of the service of all routes", str(several)
    for path in ("/routes?size=1000", "/routes?tags=t3&size=1000", "/tags?size=100", "/tags/t3", "/", "/status"):
        listed = Costs()
        for _ in range(rounds):
            with listed.one(node):
                node.ask("GET", path)
        yield f"GET {path}", str(listed)


@contextmanager
def visited(node: Node) -> Iterator[list[str]]:
    """Connections come and go meanwhile; how long they took is in the list at the end."""
    timings, said = Timings(2), list[str]()
    asked = hello(name(7), HELLOS)
    jobs = [paced(visits(node.where, asked), RATE / 2, timings.row(at), at) for at in range(2)]
    with Crew(jobs, os.sched_getaffinity(0)) as crew:
        time.sleep(0.2)
        before = crew.each
        yield said
        taken = timings.taken(before, crew.each)
        said.append(
            f"{len(taken)} connections, p99 {percentile(taken, 0.99) * 1e3:.1f} ms, "
            f"worst {taken[-1] * 1e3:.1f}, {crew.errors} failed"
        )


def lifetimes(node: Node, size: int) -> Iterator[tuple[str, str]]:
    """A reload, a reload with a change in it, a worker that dies, a restart."""
    workers = descendants(node.pid)[1:]
    with visited(node) as said:
        cpu, began, before = cpu_seconds(node.pid), time.monotonic(), node.generation()
        os.kill(node.pid, signal.SIGHUP)
        asked = hello(name(size), HELLOS)
        time.sleep(0.05)
        posted = time.monotonic()
        status, _ = node.ask("POST", "/routes", route(size))
        felt = (time.monotonic() - posted) * 1e3
        seen = [answered(node, asked) == ANSWER for _ in range(20)]
        wait_until(lambda: node.generation() > before, "the new generation")
        took = time.monotonic() - began
        wait_until(lambda: not set(workers) & set(descendants(node.pid)), "the old generation to end")
        cpu = cpu_seconds(node.pid) - cpu
        seen += [answered(node, asked) == ANSWER for _ in range(20)]
    yield "reload (HUP)", f"{took:.2f} s, CPU {cpu:.2f} s; meanwhile {said[0]}"
    yield "a change during it", f"{status}, {felt:.0f} ms, {'in force everywhere' if all(seen) else 'LOST'}"
    node.ask("DELETE", f"/routes/r{size}")
    victim = descendants(node.pid)[1]
    began, cpu = time.monotonic(), cpu_seconds(node.pid)
    os.kill(victim, signal.SIGKILL)
    wait_until(lambda: len(set(descendants(node.pid)) - {victim}) == WORKERS + 1, "another worker", pause=0.002)
    wait_until(lambda: "workers_ready" in metric(node, WORKERS), "another worker", pause=0.005)
    yield "a killed worker is replaced", f"{(time.monotonic() - began) * 1e3:.0f} ms"
    if [answered(node, hello(name(size - 1), HELLOS)) for _ in range(20)] != [ANSWER] * 20:
        raise SystemExit("routes are missing after a worker's death")
    node.stop()
    took = node.start()
    yield "restart until ready", f"{took:.2f} s, CPU {cpu_seconds(node.pid):.2f} s"
    yield "memory after it", memory(node)


def metric(node: Node, workers: int) -> str:
    """`workers_ready` once so many are."""
    connection = http.client.HTTPConnection("127.0.0.1", node.metrics, timeout=30)
    connection.request("GET", "/metrics")
    text = connection.getresponse().read().decode()
    connection.close()
    return "workers_ready" if f"\npenstock_workers {workers}" in text else ""


def memory(node: Node) -> str:
    """What each process holds alone, and at all."""
    found = []
    for pid in descendants(node.pid):
        resident = int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        own = sum(int(line.split()[1]) for line in lines if line.startswith("Private_")) / 1024
        found.append(f"{resident / 2**20:.0f} MiB ({own:.0f} its own)")
    return f"master {found[0]}, workers {', '.join(found[1:])}; {private_bytes(node.pid) / 2**20:.0f} private in all"


def loading(node: Node, first: int, last: int) -> Iterator[tuple[str, str]]:
    """Many clients post routes at a time."""
    cpu, began = cpu_seconds(node.pid), time.monotonic()
    waited = asyncio.run(load(node, first, last))
    took = time.monotonic() - began
    yield (
        f"{last - first:,} routes posted by {CONNECTIONS} clients",
        f"{took:.1f} s, {(last - first) / took:.0f}/s, CPU {cpu_seconds(node.pid) - cpu:.1f} s; each "
        f"{statistics.median(waited):.0f} ms, p99 {percentile(waited, 0.99):.0f}, worst {waited[-1]:.0f}",
    )


def measure(node: Node, origin: Origin, size: int, rounds: int) -> Iterator[tuple[str, str]]:
    """Everything, in order."""
    yield "start", f"{node.start():.2f} s"
    service = {"url": f"tcp://127.0.0.1:{origin.port('answer')}"}
    node.ask("PUT", "/services/s0", service)
    if node.status(f"/routes/r{size - 1}") != 200:  # else the database that was given has them
        yield from ((f"empty: {what}", cost) for what, cost in changes(node, 0, rounds))
        yield from loading(node, 0, size * 9 // 10)
        with visited(node) as said:
            last = [*loading(node, size * 9 // 10, size)]
        yield from last
        yield "connections during the last of them", said[0]
    yield "memory", memory(node)
    yield from changes(node, size, rounds)
    yield from lifetimes(node, size)
    yield from ((f"after the restart: {what}", cost) for what, cost in changes(node, size, rounds))


def main() -> None:
    """Print what was measured."""
    parser = argparse.ArgumentParser(prog="benchmarks.admin", description=__doc__)
    parser.add_argument("--size", type=int, default=100_000, help="routes (%(default)s)")
    parser.add_argument("--rounds", type=int, default=15, help="changes of each kind (%(default)s)")
    parser.add_argument("--database", default="", help="SQLite in a new directory, unless told otherwise")
    options = parser.parse_args()
    for what, value in described().items():
        print(f"{what}: {value}")
    origin, others = Origin.open(), Neighbours()
    with Crew(origin.jobs(4), os.sched_getaffinity(0)), tempfile.TemporaryDirectory(prefix="penstock-admin-") as place:
        node = Node(Path(place), options.database or f"sqlite {place}/store.db")
        try:
            for what, cost in measure(node, origin, options.size, options.rounds):
                print(f"{what:50} {cost}   [others {others.share():.0%}, load {os.getloadavg()[0]:.1f}]", flush=True)
        finally:
            node.stop()


if __name__ == "__main__":
    main()
