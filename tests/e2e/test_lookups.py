"""What `map`, `geo` and `split_clients` find in their corners; the same on nginx and on Penstock."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from clients import ask
from daemon import Daemon
from oracle import PROGRAMS, oracle

MAPS = [
    # the key, the lines, what is found
    ("A", "a 1; default 2;", "1"),
    ("b", "a 1;", ""),
    ("", '"" empty; default full;', "empty"),
    ("x", "default $protocol;", "TCP"),
    ("a", "a $nested;", "inner"),
    ("01", "1 a; 01 b; default c;", "b"),
    ("a b", '"a b" spaced;', "spaced"),
    ("default", "\\default literal; default other;", "literal"),
    ("hostnames", "\\hostnames literal; default other;", "literal"),
    ("~a", "\\~a literal; default other;", "literal"),
    ("abc", "~^A first; ~*^a second;", "second"),
    ("Abc", "~*^a first; ~^A second;", "first"),
    ("abc", "~b in; abc exact;", "exact"),
    ("ab-cd", '~(?<head>\\w+)-(.*) "$head/$2";', "ab/cd"),
    ("xy", "~(.)(.) $2$1;", "yx"),
    ("b", '~^(?<some>a)|b "$some-";', "-"),
    ("a.b", "~^\\Qa.b\\E$ quoted;", "quoted"),
    ("a;b", '"~a;b" found;', "found"),
    ("ä", "~^\\w+$ word; default none;", "none"),
    ("123", '"~^\\d{3}$" three;', "three"),
    ("x.b.c", "hostnames; *.b.c one; .c two;", "one"),
    ("b.c", "hostnames; .b.c dotted;", "dotted"),
    ("b.c", "hostnames; *.b.c starred; default none;", "none"),
    ("a.b.c", "hostnames; a.* tail; *.c head;", "head"),
    ("a.b.c", "hostnames; a.b.* longer; a.* shorter;", "longer"),
    ("A.B.C.", "hostnames; *.b.c found; default none;", "found"),
    ("a.b.c", "hostnames; ~b regex; *.b.c head;", "head"),
    ("a.b.c", "*.b.c head; default plain;", "plain"),
    ("*.b.c", "*.b.c literal; default none;", "literal"),
    ("x", "volatile; default once;", "once"),
    ("x", "default first; x second;", "second"),
    ("q.d", "hostnames; default d; xn--a.c 1; *.d 2;", "2"),
]
GEOS = [
    # the address, the lines, what is found
    ("127.0.0.1", "default d; 127.0.0.0/8 wide; 127.0.0.1 exact;", "exact"),
    ("127.9.9.9", "default d; 127.0.0.0/8 wide; 127.0.0.1 exact;", "wide"),
    ("11.0.0.1", "10.0.0.0/8 in;", ""),
    ("8.8.8.8", "default d; 0.0.0.0/0 all;", "all"),
    ("1.2.3.200", "default d; 1.2.3.4/24 low;", "low"),
    ("1.2.3.9", '1.2.3.0/24 "$text";', "$text"),
    ("::1", "default d; ::1 one; ::/0 all;", "one"),
    ("2001:db8:1::1", "default d; 2001:db8::/32 doc;", "doc"),
    ("2001:db9::1", "default d; 2001:db8::/32 doc;", "d"),
    ("::ffff:1.2.3.4", "default d; 1.2.3.4 mapped;", "mapped"),
    ("junk", "default d; 255.255.255.255 none;", "none"),
    ("", "default d; 255.255.255.255 none;", "none"),
    ("1.2.3.4", "default d; 1.2.3.4 gone; delete 1.2.3.4;", "d"),
    ("1.0.0.9", "ranges; default d; 1.0.0.0-1.0.0.9 a; 1.0.0.10-1.0.255.255 b;", "a"),
    ("1.0.0.10", "ranges; default d; 1.0.0.0-1.0.0.9 a; 1.0.0.10-1.0.255.255 b;", "b"),
    ("1.1.0.0", "ranges; default d; 1.0.0.0-1.0.0.9 a; 1.0.0.10-1.0.255.255 b;", "d"),
    ("127.0.0.1", "ranges; 127.0.0.0-127.0.0.0 a;", ""),
    ("1.2.3.4", "ranges; default d; 1.0.0.0-1.255.255.255 a; delete 1.2.0.0-1.2.255.255;", "d"),
    ("1.3.3.4", "ranges; default d; 1.0.0.0-1.255.255.255 a; delete 1.2.0.0-1.2.255.255;", "a"),
    ("1.0.0.7", "ranges; default d; 1.0.0.0-1.0.0.9 outer; 1.0.0.0-1.0.0.9 again;", "again"),
    ("::1", "ranges; default d; 0.0.0.0-0.0.0.9 low;", "d"),
]
SHARES = [
    # the text, the shares, what is found
    ("a", "10% one; 20.5% two; * rest;", "rest"),
    ("10.0.0.1", "10% one; 20.5% two; * rest;", "rest"),
    ("", "50% low; * high;", "low"),
    ("zzzz", "50% low; * high;", "low"),
    ("127.0.0.1", "25% a; 25% b; 25% c; 25% d;", "c"),
    ("q", "0.01% tiny;", ""),
    ("192.0.2.7", "33.33% a; 33.33% b; * c;", "b"),
    ("x", "100% all;", "all"),
]
KINDS = {"map": MAPS, "geo": GEOS, "share": SHARES}
FACTS = [(f"{kind}_{number}", fact[2]) for kind, some in KINDS.items() for number, fact in enumerate(some)]


def config() -> str:
    """One server for each fact."""
    lines = ["stream {", "map x $nested { default inner; }"]
    for number, (key, body, _) in enumerate(MAPS):
        lines.append(f'map "{key}" $map_{number} {{ {body} }}')
    for number, (address, body, _) in enumerate(GEOS):
        lines.append(f'map x $address_{number} {{ default "{address}"; }}')
        lines.append(f"geo $address_{number} $geo_{number} {{ {body} }}")
    for number, (text, body, _) in enumerate(SHARES):
        lines.append(f'split_clients "{text}" $share_{number} {{ {body} }}')
    for name, _ in FACTS:
        lines.append(f'server {{ listen 127.0.0.1:%%PORT_{name}%%; return "[${name}]"; }}')
    return "\n".join([*lines, "}", ""])


@pytest.fixture(scope="module", params=PROGRAMS)
def running(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    with oracle(request.param, tmp_path_factory.mktemp("lookups"), config()) as daemon:
        yield daemon


@pytest.mark.parametrize(("name", "wanted"), FACTS)
def test_it_finds(running: Daemon, name: str, wanted: str) -> None:
    assert ask(running.port(name)).decode() == f"[{wanted}]"
