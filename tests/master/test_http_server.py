"""The master's HTTP server by itself: TLS, and bodies that are too large."""

from __future__ import annotations

import asyncio
import socket
import ssl

import pytest
from aiohttp import web
from certs import Authority

from penstock.master.http_server import HttpServer, Limits


async def count(request: web.BaseRequest) -> web.StreamResponse:
    try:
        return web.Response(text=str(len(await request.read())))
    except web.HTTPRequestEntityTooLarge:
        return web.Response(status=413, text="too large")


async def post(port: int, body: bytes, tls: ssl.SSLContext | None = None) -> bytes:
    reader, writer = await asyncio.open_connection(
        "127.0.0.1", port, ssl=tls, server_hostname="a.test" if tls else None
    )
    head = f"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    writer.write(head.encode() + body)
    answer = await asyncio.wait_for(reader.read(), 20)
    writer.close()
    return answer


@pytest.mark.parametrize(("size", "text"), [(10, b"10"), (100, b"100"), (101, b"too large")])
def test_a_body_may_be_as_large_as_it_says(size: int, text: bytes) -> None:
    async def check() -> None:
        with socket.socket() as bound:
            bound.bind(("127.0.0.1", 0))
            server = HttpServer(count, Limits(body=100))
            await server.attach([bound])
            assert (await post(bound.getsockname()[1], b"x" * size)).endswith(text)
            await server.detach()

    asyncio.run(check())


def test_it_speaks_tls_where_it_is_told_to(authority: Authority) -> None:
    pair = authority.issue("a.test")
    server_side = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server_side.load_cert_chain(pair.crt, pair.key)

    async def check() -> None:
        with socket.socket() as bound:
            bound.bind(("127.0.0.1", 0))
            server = HttpServer(count)
            await server.attach([bound], server_side)
            client_side = ssl.create_default_context(cafile=str(authority.file))
            assert (await post(bound.getsockname()[1], b"secret", client_side)).endswith(b"6")
            await server.detach()

    asyncio.run(check())
