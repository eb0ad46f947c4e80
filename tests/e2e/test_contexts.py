"""Where directives may stand and with how many arguments: as nginx says, asked for each directive that it has."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import pytest
from checking import said_by_nginx, said_here
from needs import NGINX_STREAM, requires

from penstock.shared.conf.table.spec import Spec
from penstock.shared.conf.table.table import TABLE

SERVER: Final = "server { listen 127.0.0.1:9999; return x; %s }"
AROUND: Final = {
    "main": "%s events {} stream { }",
    "events": "events { %s } stream { }",
    "stream": "events {} stream { %s }",
    "server": f"events {{}} stream {{ {SERVER} }}",
    "upstream": "events {} stream { upstream u { server 127.0.0.1:1; %s } }",
}
ORACLE: Final = (1, 22, 1)
ELSEWHERE: Final = frozenset({"include", "load_module"})
"""They have tests of their own: what they do depends on files."""
ABSENT: Final = frozenset({"geoip_city", "geoip_country", "geoip_org", "state", "proxy_session_drop"})
"""A module that Debian's nginx does not load, and NGINX Plus."""
LATER: Final = frozenset(
    {"server_names_hash_max_size", "server_names_hash_bucket_size", "resolver", "resolver_timeout"}
)
"""In `stream {}` of later nginx, or in its `upstream {}`."""
REFUSED: Final = re.compile(r"is not allowed here|invalid number of arguments|unknown directive")


def old_enough(spec: Spec) -> bool:
    """Whether the oracle's nginx has the directive."""
    numbers = re.match(r"(\d+(?:\.\d+)*)", spec.since)
    return numbers is not None and tuple(map(int, numbers[1].split("."))) <= ORACLE


def uses(name: str) -> list[tuple[str, str]]:
    """The directive in every context: as it should be, and with one argument too few and too many."""
    found = []
    spec = next(spec for spec in TABLE if spec.name == name and old_enough(spec))
    end = " { }" if spec.block else ";"
    counts = [spec.minimum, spec.minimum - 1, None if spec.maximum is None else spec.maximum + 1]
    for context in AROUND:
        for count in counts if context in spec.contexts else counts[:1]:
            if count is not None and count >= 0:
                words = [spec.kind_of(index).right or "x" for index in range(count)]
                found.append((context, " ".join([name, *words]) + end))
    return found


NAMES: Final = sorted(
    {spec.name for spec in TABLE if old_enough(spec) and spec.status == "works"} - ELSEWHERE - ABSENT - LATER
)


@requires("nginx-stream")
@pytest.mark.parametrize("name", NAMES)
def test_it_stands_where_nginx_lets_it(name: str, tmp_path: Path) -> None:
    file = tmp_path / "c.conf"
    head = f"load_module {NGINX_STREAM}; pid {tmp_path}/c.pid; error_log {tmp_path}/c.log;\n"
    for context, text in uses(name):
        file.write_text(head + AROUND[context] % text + "\n")
        here, there = ([line for line in said(file) if REFUSED.search(line)] for said in (said_here, said_by_nginx))
        assert here == there, (context, text)


def test_most_of_the_language_is_asked_about() -> None:
    assert len(NAMES) > 100
