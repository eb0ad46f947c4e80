"""`stream {}` and `server {}` themselves: listening, preread, names, access, the client's real address."""

from __future__ import annotations

from typing import Final

from .spec import ADDRESS, FLAG, NAME, NETWORK, NUMBER, SIZE, TEXT, TIME, Spec, block, choice, simple

BOTH: Final = "stream server"
SESSION: Final = "stream server service route"
"""Where a directive may stand that a session obeys once it has a route."""

LISTEN: Final = (
    "address[:port] | port | unix:path [default_server] [ssl] [udp] [proxy_protocol] [fastopen=number] "
    "[backlog=number] [rcvbuf=size] [sndbuf=size] [deferred] [bind] [ipv6only=on|off] [reuseport] "
    "[so_keepalive=on|off|[keepidle]:[keepintvl]:[keepcnt]] [multipath]"
)

CORE: Final[tuple[Spec, ...]] = (
    block("server", "stream", "0", "A virtual server: what it listens on and what it does with a session."),
    simple(
        "listen",
        "server",
        "1+",
        (ADDRESS, TEXT),
        "The address, or range of ports, that the server answers.",
        syntax=LISTEN,
        repeatable=True,
    ),
    simple(
        "server_name",
        "server",
        "1+",
        NAME,
        "The names, sent by the client in its TLS hello, that choose this server.",
        since="1.25.5",
        repeatable=True,
    ),
    *(
        simple(name, "stream", "1", NUMBER, "The size of one of nginx's tables.", since=since, meaningless=True)
        for name, since in (
            ("server_names_hash_max_size", "1.25.5"),
            ("server_names_hash_bucket_size", "1.25.5"),
            ("variables_hash_max_size", "1.11.2"),
            ("variables_hash_bucket_size", "1.11.2"),
        )
    ),
    simple(
        "preread_buffer_size",
        BOTH,
        "1",
        SIZE,
        "How many bytes may be looked at before it is decided what to do with a session.",
        default="16k",
        since="1.11.5",
    ),
    simple(
        "preread_timeout",
        BOTH,
        "1",
        TIME,
        "How long a session may take to say what it is.",
        default="30s",
        since="1.11.5",
    ),
    simple(
        "proxy_protocol_timeout",
        BOTH,
        "1",
        TIME,
        "How long the PROXY protocol's header may take to arrive.",
        default="30s",
        since="1.11.4",
    ),
    simple(
        "ssl_preread",
        BOTH,
        "1",
        FLAG,
        "Whether the TLS hello is read for the $ssl_preread_ variables, without ending TLS.",
        default="off",
        since="1.11.5",
    ),
    simple(
        "resolver",
        SESSION,
        "1+",
        TEXT,
        "The name servers that resolve the upstreams' names while running.",
        since="1.11.3",
        syntax="address ... [valid=time] [ipv4=on|off] [ipv6=on|off] [status_zone=zone]",
    ),
    simple(
        "resolver_timeout", SESSION, "1", TIME, "How long a name may take to resolve.", default="30s", since="1.11.3"
    ),
    simple(
        "tcp_nodelay",
        SESSION,
        "1",
        FLAG,
        "Whether small packets are sent at once, to clients and upstreams.",
        default="on",
        since="1.9.4",
    ),
)

ACCESS: Final[tuple[Spec, ...]] = (
    simple(
        "allow",
        SESSION,
        "1",
        NETWORK,
        "Lets clients in; the first rule that matches wins.",
        since="1.9.2",
        repeatable=True,
    ),
    simple(
        "deny",
        SESSION,
        "1",
        NETWORK,
        "Refuses clients; the first rule that matches wins.",
        since="1.9.2",
        repeatable=True,
    ),
    simple(
        "set_real_ip_from",
        BOTH,
        "1",
        TEXT,
        "Peers whose PROXY protocol header is believed to name the real client.",
        since="1.11.4",
        syntax="address | network | hostname | unix:",
        repeatable=True,
    ),
    simple(
        "limit_conn_zone",
        "stream",
        "2",
        TEXT,
        "The memory in which connections are counted by key.",
        since="1.9.3",
        syntax="key zone=name:size",
        repeatable=True,
    ),
    simple(
        "limit_conn",
        SESSION,
        "2",
        (NAME, TEXT),
        "How many connections may be open for one key.",
        since="1.9.3",
        syntax="zone number",
        repeatable=True,
    ),
    simple(
        "limit_conn_dry_run",
        SESSION,
        "1",
        FLAG,
        "Counts what would be refused, and refuses nothing.",
        default="off",
        since="1.17.6",
    ),
    simple(
        "limit_conn_log_level",
        SESSION,
        "1",
        choice("info", "notice", "warn", "error"),
        "The level of the line about a refused connection.",
        default="error",
        since="1.9.3",
        syntax="info | notice | warn | error",
    ),
)
