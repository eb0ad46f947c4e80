"""A TLS handshake in memory: two contexts meet without a socket."""

from __future__ import annotations

import ssl
from typing import NamedTuple


class Met(NamedTuple):
    """Both sides after their handshake; the client has read the server's tickets."""

    client: ssl.SSLObject
    server: ssl.SSLObject


def meet(
    server_context: ssl.SSLContext,
    client_context: ssl.SSLContext,
    name: str | None = None,
    session: ssl.SSLSession | None = None,
) -> Met:
    """Let the sides shake hands; raises the ssl.SSLError of the one that refuses first."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    server = server_context.wrap_bio(to_server, to_client, server_side=True)
    client = client_context.wrap_bio(to_client, to_server, server_hostname=name, session=session)
    waiting = [client, server]
    for _ in range(20):
        for side in tuple(waiting):
            try:
                side.do_handshake()
                waiting.remove(side)
            except ssl.SSLWantReadError:
                pass
        if not waiting:
            break
    assert not waiting, "the handshake does not end"
    for sender, receiver in ((server, client), (client, server)):
        sender.write(b"x")
        assert receiver.read(1) == b"x"  # a TLS 1.3 client learns here that its certificate was refused
    return Met(client, server)
