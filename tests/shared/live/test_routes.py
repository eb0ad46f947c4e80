"""Routes of records."""

from __future__ import annotations

from ipaddress import ip_network

from record_making import route
from route_making import SETTINGS

from penstock.shared.live.routes import label_of, route_of
from penstock.shared.model.stream import Endpoint


def test_conditions_are_read_as_in_a_file() -> None:
    ends = {"sources": ["10.0.0.9/8"], "destinations": [":5", "10.0.0.1:6"]}
    record = route("r", None, "tls tcp", "A.test. *.b.test a.test", **ends)
    made = route_of(record, None, SETTINGS)
    assert made is not None
    assert (made.protocols, made.snis) == (frozenset({"tls", "tcp"}), ("a.test", "*.b.test"))
    assert made.sources == (Endpoint(ip_network("10.0.0.0/8"), None, True),)
    assert made.destinations == (Endpoint(None, 5), Endpoint(ip_network("10.0.0.1"), 6))


def test_a_route_of_other_layers_is_none() -> None:
    assert route_of(route("r", None, "http https"), None, SETTINGS) is None
    assert route_of(route("r", None, "udp"), None, SETTINGS) is None
    some = route_of(route("r", None, "tcp udp", destinations=[":5"]), None, SETTINGS)
    assert some is not None
    assert some.protocols == {"tcp"}


def test_a_route_without_a_name_is_called_by_its_id() -> None:
    assert label_of(route("r")) == "r"
    assert label_of({"id": "7", "name": None}) == "7"


def test_preserve_host_is_kept() -> None:
    made = route_of(route("r", preserve_host=True), None, SETTINGS)
    assert made is not None
    assert made.preserve_host
