"""A session and a worker as plugins see them: the seam between a plugin and what runs it.

`worker` has the real ones; a plugin's own test may give it a stand-in.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable, Coroutine, Iterable, Mapping
from typing import Any, Literal, Protocol

from .hello_details import HelloDetails

Status = Literal[200, 400, 403, 500, 502, 503]
"""How a session may end; nginx's and Kong's set."""
Level = Literal["debug", "info", "notice", "warn", "error", "crit", "alert"]
Record = dict[str, Any]
"""A session as log plugins emit it: values that JSON knows. docs/plugins.md lists the fields."""


class Session(Protocol):
    """A session, as hooks get it. Reading is cheap, and nothing is computed before it is asked for.

    What `preread` may change it may change until it returns; later the actions raise RuntimeError, as do those of a
    session that is over.
    """

    # The connection.

    @property
    def number(self) -> int:
        """`$connection`, counted from 1, never the same in two workers."""

    @property
    def protocol(self) -> str:
        """`TCP` or `UDP`."""

    @property
    def client_addr(self) -> str:
        """The client, after PROXY protocol and `set_real_ip_from`; `unix:` for a unix socket's client."""

    @property
    def client_port(self) -> int:
        """0 on a unix socket."""

    @property
    def peer_addr(self) -> str:
        """Who connected: a load balancer's address where PROXY protocol is in use."""

    @property
    def peer_port(self) -> int:
        """Its port."""

    @property
    def server_addr(self) -> str:
        """The address that the client connected to."""

    @property
    def server_port(self) -> int:
        """Its port; 0 on a unix socket."""

    @property
    def listener(self) -> str:
        """The listener's label, as in the metrics."""

    @property
    def started_at(self) -> float:
        """Seconds since the epoch."""

    ctx: dict[str, Any]
    """For plugins to leave something for each other, and for their own later hooks."""

    # What the first bytes said.

    @property
    def is_tls(self) -> bool:
        """Whether the client began with a TLS hello, terminated here or not."""

    @property
    def sni(self) -> str | None:
        """The name asked for, in lower case."""

    @property
    def alpn(self) -> tuple[str, ...]:
        """The protocols offered."""

    @property
    def tls_versions(self) -> tuple[str, ...]:
        """The versions offered, the highest first: `TLSv1.3`, `TLSv1.2` …"""

    @property
    def ciphers(self) -> tuple[int, ...]:
        """The cipher suites offered, in the client's order, GREASE included."""

    @property
    def hello(self) -> HelloDetails | None:
        """Everything else the hello said."""

    @property
    def ja3(self) -> str | None:
        """The fingerprint's MD5."""

    @property
    def ja4(self) -> str | None:
        """FoxIO's fingerprint of the hello."""

    @property
    def first_bytes(self) -> bytes:
        """What waits to be read, as far as it has come, at most `preread_buffer_size` bytes.

        In the certificate hook, and where TLS is passed through, it begins with the hello; empty once TLS ended here.
        """

    # The client's TLS, where it ends here and stands.

    @property
    def tls(self) -> ssl.SSLObject | None:
        """The client's TLS, once its handshake is done."""

    @property
    def client_certificate(self) -> bytes | None:
        """DER. `variable("ssl_client_s_dn")` and its like read it."""

    # Where it goes, and how it went.

    @property
    def route(self) -> str:
        """The route's name; empty without one."""

    @property
    def service(self) -> str:
        """The service's name, or the text of `proxy_pass`."""

    @property
    def status(self) -> int:
        """0 while it runs."""

    @property
    def refusal(self) -> str:
        """The word of why it was refused, or empty."""

    @property
    def received(self) -> int:
        """Bytes from the client."""

    @property
    def sent(self) -> int:
        """Bytes to the client."""

    @property
    def elapsed(self) -> float:
        """Seconds since it was accepted."""

    def variable(self, name: str) -> str | None:
        """A variable of the configuration's language, its name without `$`; None where it has no value.

        Raises LookupError for a name that nobody knows.
        """

    def text(self, template: str) -> str:
        """A text with its `$variables` replaced; compiled once. Raises LookupError for an unknown one."""

    def log(self, level: Level, text: str) -> None:
        """A line in the session's error log, with who and where."""

    def record(self, event: str = "end") -> Record:
        """The session as a JSON record. TCP_INFO of both sides is asked from the kernel by this call."""

    def add_field(self, name: str, value: Any) -> None:
        """Add a field to the record; dots in the name nest. A value of None takes the field out."""

    # Decisions of `preread`; the first two also of `certificate`.

    def refuse(self, reason: str, *, word: str = "plugin", status: Status = 403, last: bytes = b"") -> None:
        """End the session: no hook of lower priority runs, the log hooks do.

        `reason` goes to the error log, `word` (one of the closed set of refusals) to the log's `$refusal` and to the
        metrics. `last` is sent before closing where the client can read it: plain sessions and terminated ones.
        """

    def answer(self, last: bytes = b"") -> None:
        """End the session as a success: send the last bytes and close, status 200."""

    def set_service(self, name: str) -> None:
        """Go to that service, with its timeouts, retries and TLS. Raises LookupError for an unknown one."""

    def set_upstream(self, name: str) -> None:
        """Go to the peers of that `upstream {}`. Raises LookupError for an unknown one."""

    def set_target(self, host: str, port: int) -> None:
        """Go to that address; a name is resolved by the `resolver` in force."""

    def set_timeouts(self, connect: float | None = None, idle: float | None = None) -> None:
        """Seconds; None leaves one as it is."""

    def set_retries(self, retries: int) -> None:
        """How many further tries there may be while connecting."""

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
        """TLS to the upstream: whether, with what name, and with which files. None leaves a part as it is."""

    def set_rates(self, download: int | None = None, upload: int | None = None) -> None:
        """Bytes per second to and from the client; 0 is no limit, None leaves one as it is."""


class Worker(Protocol):
    """The process a plugin runs in."""

    slot: int
    """Counted from 0."""
    workers: int
    """How many there are."""
    generation: int
    prefix: str
    """What relative paths of logs are relative to."""
    hostname: str
    place: str
    """Where the plugin is written: `route NAME`, `service NAME`, empty in `stream {}`; `record ID` for the API's."""

    def now(self) -> float:
        """Seconds since the epoch."""

    def log(self, level: Level, text: str) -> None:
        """A line in the error log, with the plugin's name."""

    def spawn(self, work: Coroutine[Any, Any, None], name: str) -> None:
        """Run something beside the sessions; its failure is logged, the worker's end cancels it."""

    def every(self, seconds: float, call: Callable[[], object]) -> None:
        """Call something again and again until the worker ends."""

    def sessions(self) -> Iterable[Session]:
        """The sessions of this worker that this plugin instance belongs to, and whose upstream stands."""

    def take(self, key: str, rate: float, burst: int = 1) -> float:
        """One more of what may happen `rate` times a second, and `burst` times at once, under a key of this plugin.

        0 when it is granted, else the seconds until it would be. Exact over all workers, and kept over a reload.
        """

    def spend(self, key: str, times: int, seconds: int) -> float:
        """The same with `times` in each window of so many whole seconds of the clock, whenever they happen in it."""

    def enter(self, key: str, limit: int) -> int:
        """One more of at most `limit` at the same time under a key: a ticket to be given to `leave`, 0 when there are
        that many. Exact over all workers; what a worker held that died is given back."""

    def leave(self, ticket: int) -> None:
        """One less."""

    def tally(self, name: str, labels: Mapping[str, str], amount: int = 1) -> None:
        """Add to a metric of the plugin's own at `/metrics`, a counter: exact over all workers, and kept over a reload.

        Labels should not come from clients: each combination of their values is another series, of 65,536 at most.
        """

    def observe(self, name: str, labels: Mapping[str, str], value: float, bounds: tuple[float, ...]) -> None:
        """The same for a histogram with these bounds of its buckets."""

    def count_records(self, outcome: str, times: int = 1) -> None:
        """Count records of a log plugin: `queued`, `delivered`, `dropped` or `retried`. A `Queue` does it by itself."""

    def path(self, written: str) -> str:
        """A path of a log as the configuration means it."""
