"""Stand-ins for tests of plugins: a session that remembers what was decided, and a worker that remembers what was said.

    plugin = configured(Doorman, names=["a.test"])
    session = StandIn(sni="b.test")
    plugin.preread(session)
    assert session.refused == "b.test is not on the list"

Import them from `penstock.plugin_testing`. Hooks that are `async` are awaited by the test.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable, Coroutine, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from .hello_details import HelloDetails
from .plugin import Plugin, Session
from .plugin_config import make
from .plugin_schema import check, describe
from .plugin_session import Level, Record, Status
from .series import Series, of
from .session_record import put
from .words import REFUSALS, STATUSES

P = TypeVar("P", bound=Plugin)


@dataclass
class StandInWorker:
    """A worker that does nothing, and keeps what it was asked."""

    slot: int = 0
    workers: int = 1
    generation: int = 1
    prefix: str = "/var/lib/penstock"
    hostname: str = "gate.test"
    place: str = ""
    time: float = 1_800_000_000.0
    lines: list[tuple[Level, str]] = field(default_factory=list)
    spawned: list[tuple[str, Coroutine[Any, Any, None]]] = field(default_factory=list)
    timers: list[tuple[float, Callable[[], object]]] = field(default_factory=list)
    counted: dict[str, int] = field(default_factory=dict)
    budgets: dict[str, float] = field(default_factory=dict)
    """Of `take`: when each key is whole again."""
    spent: dict[tuple[str, float], int] = field(default_factory=dict)
    """Of `spend`: how often, by key and window."""
    tickets: dict[int, str] = field(default_factory=dict)
    """Of `enter`: the keys that are held."""
    metrics: dict[Series, float] = field(default_factory=dict)
    """Of `tally` and `observe`."""
    open_sessions: list[Session] = field(default_factory=list)

    def now(self) -> float:
        """`time`."""
        return self.time

    def log(self, level: Level, text: str) -> None:
        """Kept in `lines`."""
        self.lines.append((level, text))

    def spawn(self, work: Coroutine[Any, Any, None], name: str) -> None:
        """Kept in `spawned`, for the test to await or to close."""
        self.spawned.append((name, work))

    def every(self, seconds: float, call: Callable[[], object]) -> None:
        """Kept in `timers`."""
        self.timers.append((seconds, call))

    def sessions(self) -> Iterable[Session]:
        """`open_sessions`."""
        return self.open_sessions

    def take(self, key: str, rate: float, burst: int = 1) -> float:
        """As a worker does it, by `time`."""
        whole = max(self.budgets.get(key, 0.0), self.time) + 1 / rate
        over = whole - self.time - burst / rate
        if over > 1e-6:
            return over
        self.budgets[key] = whole
        return 0.0

    def spend(self, key: str, times: int, seconds: int) -> float:
        """As a worker does it, by `time`."""
        window = self.time // seconds
        count = self.spent.get((key, window), 0)
        if count >= times:
            return (window + 1) * seconds - self.time
        self.spent[key, window] = count + 1
        return 0.0

    def enter(self, key: str, limit: int) -> int:
        """As a worker does it."""
        if sum(each == key for each in self.tickets.values()) >= limit:
            return 0
        ticket = max(self.tickets, default=0) + 1
        self.tickets[ticket] = key
        return ticket

    def leave(self, ticket: int) -> None:
        """As a worker does it."""
        del self.tickets[ticket]

    def tally(self, name: str, labels: Mapping[str, str], amount: int = 1) -> None:
        """Kept in `metrics`."""
        series = of(name, labels)
        self.metrics[series] = self.metrics.get(series, 0) + amount

    def observe(self, name: str, labels: Mapping[str, str], value: float, bounds: tuple[float, ...]) -> None:
        """The sum is kept in `metrics`."""
        series = of(name, labels, bounds)
        self.metrics[series] = self.metrics.get(series, 0) + value

    def count_records(self, outcome: str, times: int = 1) -> None:
        """Kept in `counted`."""
        self.counted[outcome] = self.counted.get(outcome, 0) + times

    def path(self, written: str) -> str:
        """Below the prefix."""
        return written if written.startswith("/") else f"{self.prefix}/{written}"


def configured(kind: type[P], worker: StandInWorker | None = None, **config: Any) -> P:
    """A plugin with a configuration as the Admin API would take it: checked, completed, of the declared types.

    Raises ValueError with what is wrong.
    """
    complete, errors = check(describe(kind, kind.name or kind.__name__), config)
    if errors:
        raise ValueError(str(errors))
    worker = worker or StandInWorker()
    return kind(make(kind, complete, lambda _form, path: worker.path(path), str), worker)


@dataclass
class StandIn:
    """A session. What it tells is given; what was decided about it is read off `refused`, `ended` and `changes`."""

    client_addr: str = "192.0.2.1"
    client_port: int = 40000
    number: int = 1
    protocol: str = "TCP"
    peer_addr: str = "192.0.2.1"
    peer_port: int = 40000
    server_addr: str = "198.51.100.1"
    server_port: int = 443
    listener: str = "0.0.0.0:443"
    started_at: float = 1_800_000_000.0
    is_tls: bool = False
    sni: str | None = None
    alpn: tuple[str, ...] = ()
    tls_versions: tuple[str, ...] = ()
    ciphers: tuple[int, ...] = ()
    hello: HelloDetails | None = None
    ja3: str | None = None
    ja4: str | None = None
    first_bytes: bytes = b""
    tls: ssl.SSLObject | None = None
    client_certificate: bytes | None = None
    route: str = "route"
    service: str = "service"
    status: int = 0
    refusal: str = ""
    received: int = 0
    sent: int = 0
    elapsed: float = 0.0
    variables: dict[str, str] = field(default_factory=dict)
    """Of `variable` and `text`."""
    ctx: dict[str, Any] = field(default_factory=dict)
    fields: Record = field(default_factory=dict)
    """What `add_field` added; `record` gives it."""
    lines: list[tuple[Level, str]] = field(default_factory=list)
    changes: dict[str, Any] = field(default_factory=dict)
    """By the name of the action, without `set_`: its arguments."""
    refused: str | None = None
    """The reason of a refusal."""
    ended: dict[str, Any] | None = None
    """Word, status and last bytes of an end."""

    def variable(self, name: str) -> str | None:
        """One of `variables`; raises LookupError for any other."""
        return self.variables[name]

    def text(self, template: str) -> str:
        """The template with every `$name` of `variables` replaced."""
        for name, value in self.variables.items():
            template = template.replace(f"${name}", value)
        return template

    def log(self, level: Level, text: str) -> None:
        """Kept in `lines`."""
        self.lines.append((level, text))

    def record(self, event: str = "end") -> Record:
        """As much as is known."""
        return {"event": event, "client_ip": self.client_addr, **self.fields}

    def add_field(self, name: str, value: Any) -> None:
        """Kept in `fields`."""
        put(self.fields, name, value)

    def refuse(self, reason: str, *, word: str = "plugin", status: Status = 403, last: bytes = b"") -> None:
        """Kept in `refused` and `ended`; the first one counts."""
        if word not in REFUSALS or status not in STATUSES:
            raise ValueError(f"{word!r} or {status!r} is not possible")
        if self.ended is None:
            self.refused = reason
            self.ended = {"word": word, "status": status, "last": last}

    def answer(self, last: bytes = b"") -> None:
        """Kept in `ended`."""
        if self.ended is None:
            self.ended = {"word": "", "status": 200, "last": last}

    def set_service(self, name: str) -> None:
        """Kept in `changes`, as the others."""
        self.changes["service"] = name

    def set_upstream(self, name: str) -> None:
        """An upstream."""
        self.changes["upstream"] = name

    def set_target(self, host: str, port: int) -> None:
        """An address."""
        self.changes["target"] = (host, port)

    def set_timeouts(self, connect: float | None = None, idle: float | None = None) -> None:
        """Times."""
        self.changes["timeouts"] = (connect, idle)

    def set_retries(self, retries: int) -> None:
        """Retries."""
        self.changes["retries"] = retries

    def set_tls(
        self,
        on: bool,
        *,
        verify: bool | None = None,
        sni: str | None = None,
        certificate: str | None = None,
        key: str | None = None,
        ca: str | None = None,
    ) -> None:
        """TLS to the upstream."""
        self.changes["tls"] = {"on": on, "verify": verify, "sni": sni, "certificate": certificate, "key": key, "ca": ca}

    def set_rates(self, download: int | None = None, upload: int | None = None) -> None:
        """Rates."""
        self.changes["rates"] = (download, upload)
