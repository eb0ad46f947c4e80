from __future__ import annotations

from penstock.shared.model.address import ipv6
from penstock.shared.model.listen import NGX_LISTEN_BACKLOG, Listen, Mode
from penstock.shared.model.where import NOWHERE


def test_the_label_is_the_address() -> None:
    assert Listen(ipv6("::", 5555), NOWHERE).label == "[::]:5555"


def test_the_label_of_datagrams_is_another() -> None:
    assert Listen(ipv6("::", 53), NOWHERE, udp=True).label == "udp:[::]:53"


def test_a_plain_listen_has_nginx_s_defaults() -> None:
    listen = Listen(ipv6("::", 1), NOWHERE)
    assert (listen.mode, listen.backlog, listen.ipv6only) == (Mode.SERVER, NGX_LISTEN_BACKLOG, True)
