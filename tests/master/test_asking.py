"""Asking a server: the way to it, and what may be there instead."""

from __future__ import annotations

from socket import AF_INET, AF_INET6, AF_UNIX, socket

import pytest
from peers import Peer

from penstock.master.asking import Asking, reachable_host, said, way_in
from penstock.shared.errors import StartError
from penstock.shared.model.address import Address, ipv4
from penstock.shared.model.operations import Admin, AdminAuth, AdminListen

FAR = AdminListen(ipv4("192.0.2.1", 8001))
NEAR = AdminListen(ipv4("0.0.0.0", 8001))
UNIX = AdminListen(Address(AF_UNIX, "/run/a.sock", 0))


@pytest.mark.parametrize(
    ("listens", "chosen"), [((FAR, NEAR), NEAR), ((FAR, UNIX, NEAR), UNIX), ((FAR,), FAR), ((NEAR, UNIX), NEAR)]
)
def test_the_first_that_this_machine_has_is_asked(listens: tuple[AdminListen, ...], chosen: AdminListen) -> None:
    assert way_in(Admin(listens)) is chosen


def test_where_there_is_no_way() -> None:
    with pytest.raises(StartError, match='no "admin_listen"'):
        way_in(Admin())
    with pytest.raises(StartError, match="wants a client certificate"):
        way_in(Admin((NEAR,), AdminAuth(authorities=b"x")))


@pytest.mark.parametrize(
    ("family", "host", "reached"),
    [
        (AF_INET, "0.0.0.0", "127.0.0.1"),
        (AF_INET6, "::", "::1"),
        (AF_INET, "127.0.0.2", "127.0.0.2"),
        (AF_INET6, "fe80::1%lo", "fe80::1"),
    ],
)
def test_an_address_that_leads_there(family: int, host: str, reached: str) -> None:
    assert reachable_host(AdminListen(Address(family, host, 1))) == reached


def answering(text: bytes) -> Peer:
    def behave(client: socket) -> None:
        client.recv(65536)
        client.sendall(text)

    return Peer(behave)


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (b"HTTP/1.1 200 OK\r\nServer: nginx\r\nContent-Length: 2\r\n\r\n{}", "something that is no Penstock answers"),
        (b"HTTP/1.1 200 OK\r\nServer: penstock/1\r\nContent-Length: 1\r\n\r\n{", "answered 200 and no JSON"),
        (b"HTTP/1.1 401 No\r\nServer: penstock/1\r\nContent-Length: 2\r\n\r\n{}", "does not know the token"),
        (b'HTTP/1.1 400 No\r\nServer: penstock/1\r\nContent-Length: 15\r\n\r\n{"message":"x"}', ": x$"),
        (b"nonsense\r\n\r\n", "nothing answers on"),
        (b"", "nothing answers on"),
    ],
)
def test_answers_that_are_none(answer: bytes, text: str) -> None:
    with answering(answer) as peer:
        asking = Asking(Admin((AdminListen(ipv4("127.0.0.1", peer.port)),)))
        with pytest.raises(StartError, match=text):
            asking.get("/cluster")


def test_pages_are_followed() -> None:
    class Paged(Asking):
        def get(self, path: str) -> dict[str, object]:
            return {"data": [path], "next": "/b" if path == "/a" else None}

    assert list(Paged(Admin((NEAR,))).pages("/a")) == ["/a", "/b"]


def test_a_sentence_of_anything() -> None:
    assert (said({"message": "x"}), said([1])) == ("x", "[1]")
