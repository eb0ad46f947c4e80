"""The sniffing gateway: `stream_listen`, services, routes, certificates; and what operates Penstock."""

from __future__ import annotations

from typing import Final

from .spec import ADDRESS, FILE, FLAG, KONG_TIME, NAME, PORT, TEXT, TIME, Spec, at_most, block, choice, simple

OURS: Final = "penstock"

GATEWAY: Final[tuple[Spec, ...]] = (
    simple(
        "stream_listen",
        "stream",
        "1+",
        (ADDRESS, TEXT),
        "An address answered by the routes; TLS and plain TCP are told apart by the first bytes unless one is named.",
        since=OURS,
        syntax="address:port [ssl | plain] [proxy_protocol] [backlog=number]",
        repeatable=True,
    ),
    simple(
        "sniff_limit",
        "stream",
        "1-2",
        TEXT,
        "How many connections may be undecided at once; over it the oldest is refused.",
        default="pending=4096 per_source=64",
        since=OURS,
        syntax="[pending=number] [per_source=number]",
    ),
    simple(
        "port_maps",
        "stream",
        "1+",
        TEXT,
        "Ports in front of the gateway with the listened port that each arrives at: destinations see the former.",
        since=OURS,
        syntax="port:listened-port ...",
    ),
    block("service", "stream", "1", "What routes lead to.", since=OURS),
    block("route", "stream", "1", "Which sessions go to which service.", since=OURS),
    block(
        "certificate",
        "stream",
        "0",
        "A certificate and the names it is shown for; without snis, the default.",
        since=OURS,
    ),
    block(
        "plugin",
        "stream service route",
        "1",
        "A plugin and its configuration.",
        since=OURS,
        free_form=True,
        nests=True,
        includes=False,
    ),
    simple(
        "plugin_path",
        "stream",
        "1",
        FILE,
        "A folder of plugins: modules and packages of Python.",
        since=OURS,
        syntax="directory",
        repeatable=True,
    ),
    simple(
        "plugin_timeout",
        "stream",
        "1",
        TIME,
        "How long an async hook of a plugin may take.",
        default="10s",
        since=OURS,
    ),
)

SERVICE: Final[tuple[Spec, ...]] = (
    simple(
        "url",
        "service",
        "1",
        TEXT,
        "Protocol, host and port in one.",
        since=OURS,
        syntax="tcp://host:port | tls://host:port",
    ),
    simple(
        "protocol", "service", "1", choice("tcp", "tls"), "How the service is spoken to.", default="tcp", since=OURS
    ),
    simple("host", "service", "1", NAME, "The service's address, or the name of an upstream.", since=OURS),
    simple("port", "service", "1", PORT, "The service's port.", since=OURS),
    simple(
        "retries",
        "service",
        "1",
        at_most(32767),
        "How often connecting is tried again.",
        default="5",
        since=OURS,
    ),
    simple(
        "connect_timeout",
        "service",
        "1",
        KONG_TIME,
        "How long connecting may take; a bare number is milliseconds.",
        default="60000",
        since=OURS,
    ),
    *(
        simple(
            name,
            "service",
            "1",
            KONG_TIME,
            "How long a session may be silent, the longer of read and write; a bare number is milliseconds.",
            default="60000",
            since=OURS,
        )
        for name in ("read_timeout", "write_timeout")
    ),
    simple("tls_verify", "service", "1", FLAG, "Whether the service's certificate is verified.", since=OURS),
    simple("tls_verify_depth", "service", "1", at_most(64), "How long its chain may be.", since=OURS),
    simple(
        "ca_certificates",
        "service route",
        "1+",
        FILE,
        "The authorities that the service's certificate is verified against; of a route: those of its clients.",
        since=OURS,
    ),
    simple(
        "client_certificate",
        "service",
        "1-2",
        FILE,
        "The certificate shown to the service, and its key where that is another file.",
        since=OURS,
        syntax="certificate [key]",
    ),
    simple("enabled", "service", "1", FLAG, "Whether the service's routes are in use.", default="on", since=OURS),
    simple("tags", "service route", "1+", TEXT, "Words to find the entity by.", since=OURS),
)

ROUTE: Final[tuple[Spec, ...]] = (
    simple(
        "protocols",
        "route",
        "1-3",
        choice("tcp", "tls", "tls_passthrough"),
        "What the route is for: plain TCP, TLS ended here, TLS passed through.",
        since=OURS,
    ),
    simple("snis", "route certificate", "1+", NAME, "Names in the TLS hello; *.x and x.* are wildcards.", since=OURS),
    simple(
        "sources",
        "route",
        "1+",
        TEXT,
        "Where sessions come from.",
        since=OURS,
        syntax="address | network | :port | address:port ...",
    ),
    simple(
        "destinations",
        "route",
        "1+",
        TEXT,
        "What they connected to.",
        since=OURS,
        syntax="address | network | :port | address:port ...",
    ),
    simple(
        "client_verify",
        "route",
        "1",
        choice("on", "optional", "off"),
        "Whether clients must, or may, show a certificate of one of the route's ca_certificates.",
        default="off",
        since=OURS,
    ),
    simple("service", "route", "1", NAME, "The service that sessions go to.", since=OURS),
    simple(
        "preserve_host",
        "route",
        "1",
        FLAG,
        "Whether the client's SNI is sent on to a tls service.",
        default="off",
        since=OURS,
    ),
)

OPERATIONS: Final[tuple[Spec, ...]] = (
    simple(
        "metrics_listen",
        "main",
        "1",
        ADDRESS,
        "Where Prometheus reads the metrics; off unless given.",
        since=OURS,
        syntax="address:port | unix:path",
        repeatable=True,
    ),
    simple(
        "admin_listen",
        "main",
        "1+",
        (ADDRESS, TEXT),
        "Where the Admin API answers.",
        since=OURS,
        syntax="address:port | unix:path [ssl]",
        repeatable=True,
        status="planned",
    ),
    simple(
        "admin_auth",
        "main",
        "1-2",
        TEXT,
        "Who may use the Admin API.",
        since=OURS,
        syntax="token_file file | mtls file | off",
        status="planned",
    ),
    simple(
        "database",
        "main",
        "1-2",
        TEXT,
        "Where the Admin API keeps its entities.",
        since=OURS,
        syntax="sqlite file | postgres text | off",
        status="planned",
    ),
    simple("declarative_config", "main", "1", FILE, "A YAML file with Kong's entities.", since=OURS, status="planned"),
)
