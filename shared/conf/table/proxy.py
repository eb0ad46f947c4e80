"""`proxy_*` without TLS: where a session goes and how it is relayed."""

from __future__ import annotations

from typing import Final

from .core import SESSION
from .spec import ADDRESS, FLAG, HEADER, NUMBER, RATE, SIZE, TEXT, TIME, Spec, simple

PROXY: Final[tuple[Spec, ...]] = (
    simple(
        "proxy_pass",
        "server",
        "1",
        ADDRESS,
        "The address, upstream or variable that sessions are passed to.",
        syntax="address | upstream | $variable",
    ),
    simple(
        "pass",
        "server",
        "1",
        ADDRESS,
        "Hands the accepted connection to another listener.",
        since="1.25.5",
    ),
    simple(
        "proxy_bind",
        SESSION,
        "1-2",
        TEXT,
        "The local address of connections to the upstream.",
        since="1.9.2",
        syntax="address [transparent] | off",
    ),
    simple("proxy_buffer_size", SESSION, "1", SIZE, "How many bytes are read at a time.", default="16k", since="1.9.4"),
    *(
        simple(
            name,
            SESSION,
            "1",
            SIZE,
            "An old name of `proxy_buffer_size`.",
            remark=f'the "{name}" directive is deprecated, use the "proxy_buffer_size" directive instead',
            remark_level="warn",
        )
        for name in ("proxy_downstream_buffer", "proxy_upstream_buffer")
    ),
    simple("proxy_connect_timeout", SESSION, "1", TIME, "How long connecting to a server may take.", default="60s"),
    simple("proxy_timeout", SESSION, "1", TIME, "How long a session may be silent in both directions.", default="10m"),
    simple(
        "proxy_download_rate",
        SESSION,
        "1",
        RATE,
        "Bytes per second read from the upstream; 0 is no limit.",
        default="0",
        since="1.9.3",
    ),
    simple(
        "proxy_upload_rate",
        SESSION,
        "1",
        RATE,
        "Bytes per second read from the client; 0 is no limit.",
        default="0",
        since="1.9.3",
    ),
    simple(
        "proxy_half_close",
        SESSION,
        "1",
        FLAG,
        "Whether each direction of a session is closed by itself.",
        default="off",
        since="1.21.4",
    ),
    simple(
        "proxy_next_upstream",
        SESSION,
        "1",
        FLAG,
        "Whether the next server is tried when one does not answer.",
        default="on",
    ),
    simple(
        "proxy_next_upstream_timeout",
        SESSION,
        "1",
        TIME,
        "How long servers may be tried in all; 0 is no limit.",
        default="0",
    ),
    simple(
        "proxy_next_upstream_tries", SESSION, "1", NUMBER, "How many servers may be tried; 0 is no limit.", default="0"
    ),
    simple(
        "proxy_protocol",
        SESSION,
        "1",
        HEADER,
        "Whether the PROXY protocol's header is sent to the upstream, and in which version; on is v1.",
        default="off",
        since="1.9.2",
    ),
    simple(
        "proxy_requests",
        SESSION,
        "1",
        NUMBER,
        "Datagrams from a client after which its session is replaced; 0 is no limit.",
        default="0",
        since="1.15.7",
    ),
    simple("proxy_responses", SESSION, "1", NUMBER, "Datagrams expected in answer to one of a client.", since="1.9.13"),
    simple(
        "proxy_session_drop",
        SESSION,
        "1",
        FLAG,
        "Whether sessions end when their server is removed or fails.",
        default="off",
        since="1.15.8",
    ),
    simple(
        "proxy_socket_keepalive",
        SESSION,
        "1",
        FLAG,
        "Whether TCP keepalive is set on connections to the upstream.",
        default="off",
        since="1.15.6",
    ),
    simple(
        "proxy_socket_rcvbuf", SESSION, "1", SIZE, "The receive buffer of connections to the upstream.", since="1.31"
    ),
    simple("proxy_socket_sndbuf", SESSION, "1", SIZE, "The send buffer of connections to the upstream.", since="1.31"),
)
