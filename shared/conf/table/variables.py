"""Directives that make values, answer with them, and log them."""

from __future__ import annotations

from typing import Final

from .core import BOTH, SESSION
from .spec import FILE, NAME, NUMBER, TEXT, VARIABLE, Spec, block, simple

VARIABLES: Final[tuple[Spec, ...]] = (
    block(
        "map",
        "stream",
        "2",
        "A variable whose value depends on another text.",
        kind=(TEXT, VARIABLE),
        since="1.11.2",
        syntax="text $variable",
        free_form=True,
    ),
    *(
        simple(name, "stream", "1", NUMBER, "The size of one of nginx's tables.", since="1.11.2", meaningless=True)
        for name in ("map_hash_max_size", "map_hash_bucket_size")
    ),
    block(
        "geo",
        "stream",
        "1-2",
        "A variable whose value depends on an address.",
        kind=VARIABLE,
        since="1.11.3",
        syntax="[$address] $variable",
        free_form=True,
    ),
    block(
        "split_clients",
        "stream",
        "2",
        "A variable that splits sessions into shares.",
        kind=(TEXT, VARIABLE),
        since="1.11.3",
        syntax="text $variable",
        free_form=True,
        includes=False,
    ),
    simple(
        "set",
        "server",
        "2",
        (VARIABLE, TEXT),
        "Gives a variable a value.",
        since="1.19.3",
        syntax="$variable text",
        repeatable=True,
    ),
    simple("return", "server", "1", TEXT, "Sends a text to the client and closes.", since="1.11.2"),
    *(
        simple(
            name,
            "stream",
            "1-2",
            (FILE, TEXT),
            f"The MaxMind DB (.mmdb) that gives the {what} of a client's address, for the `$geoip_` variables; "
            "needs the extra `geoip`.",
            since="1.11.3",
            syntax="file [utf8]",
        )
        for name, what in (
            ("geoip_country", "country"),
            ("geoip_city", "place"),
            ("geoip_org", "organisation"),
        )
    ),
)

LOG: Final[tuple[Spec, ...]] = (
    simple(
        "log_format",
        "stream",
        "2+",
        (NAME, TEXT),
        "The form of an access log's lines.",
        since="1.11.4",
        syntax="name [escape=default|json|none] text ...",
        repeatable=True,
    ),
    simple(
        "access_log",
        SESSION,
        "1+",
        TEXT,
        "Where ended sessions are written; may be given several times.",
        default="off",
        since="1.11.4",
        syntax="file format [buffer=size] [gzip[=level]] [flush=time] [if=condition] "
        "| syslog:server=address[,parameter=value] [format] | off",
        repeatable=True,
    ),
    simple(
        "open_log_file_cache",
        BOTH,
        "1-4",
        TEXT,
        "How many log files with variable names are kept open.",
        default="off",
        since="1.11.4",
        syntax="max=number [inactive=time] [min_uses=number] [valid=time] | off",
    ),
)
