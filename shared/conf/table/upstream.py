"""`upstream {}`: servers and how one of them is chosen."""

from __future__ import annotations

from typing import Final

from .spec import ADDRESS, FILE, NAME, TEXT, TIME, Spec, block, choice, simple

UPSTREAM: Final[tuple[Spec, ...]] = (
    block("upstream", "stream", "1", "A group of servers that sessions are spread over."),
    simple(
        "server",
        "upstream",
        "1+",
        (ADDRESS, TEXT),
        "A server of the group.",
        syntax="address [weight=number] [max_conns=number] [max_fails=number] [fail_timeout=time] [slow_start=time] "
        "[backup] [down] [resolve] [service=name]",
        repeatable=True,
    ),
    simple(
        "zone",
        "upstream",
        "1-2",
        (NAME, TEXT),
        "Shared memory for what the workers know of the group's servers: failures, sessions, weights.",
        syntax="name [size]",
        repeatable=True,
    ),
    simple(
        "hash",
        "upstream",
        "1-2",
        (TEXT, choice("consistent", complaint="invalid parameter")),
        "Chooses by the hash of a text; `consistent` moves few keys when a server goes.",
        syntax="key [consistent]",
        repeatable=True,
    ),
    simple("least_conn", "upstream", "0", TEXT, "Chooses the server with the fewest sessions.", repeatable=True),
    simple(
        "least_time",
        "upstream",
        "1-2",
        (
            choice("connect", "first_byte", "last_byte", complaint="invalid parameter"),
            choice("inflight", complaint="invalid parameter"),
        ),
        "Chooses the server that answers soonest for the sessions it has.",
        since="1.31 (before: NGINX Plus)",
        syntax="connect | first_byte | last_byte [inflight]",
        repeatable=True,
    ),
    simple(
        "random",
        "upstream",
        "0-2",
        TEXT,
        "Chooses a server at random, or the better of two.",
        since="1.15.1",
        syntax="[two [least_conn | least_time=connect | least_time=first_byte | least_time=last_byte]]",
        repeatable=True,
    ),
    simple(
        "state",
        "upstream",
        "1",
        FILE,
        "The file in which the group's servers are written, in place of `server` lines in the block; "
        "none while it is not there.",
        since="1.9.7 (NGINX Plus)",
    ),
    simple(
        "resolver",
        "upstream",
        "1+",
        TEXT,
        "The name servers for this group's names.",
        since="1.27.3",
        syntax="address ... [valid=time] [ipv4=on|off] [ipv6=on|off]",
    ),
    simple(
        "resolver_timeout",
        "upstream",
        "1",
        TIME,
        "How long a name of this group may take to resolve.",
        default="30s",
        since="1.27.3",
    ),
    simple(
        "health_check",
        "upstream",
        "0+",
        TEXT,
        "The master asks each server again and again whether it works, and sessions that fail may count too; "
        "sessions go to those that do.",
        default="interval=5s timeout=1s rise=2 fall=3 where it is written",
        since="penstock",
        syntax="[interval=time] [unhealthy_interval=time] [timeout=time] [rise=number] [fall=number] [port=number] "
        "[tls] [sni=name] [send=text] [expect=text | expect=~regex] [session_failures=number] "
        "[session_timeouts=number] [threshold=percentage]",
    ),
)
