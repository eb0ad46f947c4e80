"""The tables of the file alone, and those of the file and records."""

from __future__ import annotations

from dataclasses import replace

from configurations import configuration
from record_making import puts, route, service
from route_making import route as made

from penstock.shared.live.live import Live
from penstock.shared.tables import Tables, file_tables, live_tables

FILE = configuration(sniffing=[5555])
FILE = replace(
    FILE, stream=replace(FILE.stream, gateway=replace(FILE.stream.gateway, routes=(made("w", snis="w.test"),)))
)


def taken(tables: Tables, name: str) -> str:
    index = tables.router.match(tls=True, sni=name, source=("127.0.0.1", 1), destination=("127.0.0.1", 1))
    assert index is not None
    return tables.route(index).name


def test_of_the_file() -> None:
    tables = file_tables(FILE.stream.gateway)
    assert taken(tables, "w.test") == "w"
    assert tables.choice.choose("w.test") is None


def test_of_both() -> None:
    live = Live(FILE)
    live.apply(puts(("services", service("s", host="127.0.0.1", port=9)), ("routes", route("r", "s", snis="r.test"))))
    tables = live_tables(live)
    assert (taken(tables, "w.test"), taken(tables, "r.test")) == ("w", "r")
