"""What a gateway says of ports."""

from __future__ import annotations

from penstock.shared.model.stream import Gateway


def test_a_mapped_port_is_seen_as_clients_see_it() -> None:
    gateway = Gateway(port_maps=((443, 8443), (80, 8080)))
    assert [gateway.seen_port(port) for port in (8443, 8080, 443, 9)] == [443, 80, 443, 9]
    assert [gateway.listened_port(port) for port in (443, 80, 8443, 9)] == [8443, 8080, 8443, 9]
