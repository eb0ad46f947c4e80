"""The echo servers behind `penstock quickstart`: a child that gives back what it gets and ends with its parent."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import ssl
from typing import Final, NoReturn

import setproctitle

CHUNK: Final = 65536
TITLE: Final = "penstock: echo servers of the quickstart"


class Echo:
    """The child, and the ports of its plain and of its TLS server."""

    def __init__(self, certificate: str, key: str) -> None:
        """Bind and fork; nothing else may run in this process yet. Raises OSError."""
        plain, secure = (socket.create_server(("127.0.0.1", 0)) for _ in range(2))
        self.port: Final[int] = plain.getsockname()[1]
        self.secure_port: Final[int] = secure.getsockname()[1]
        life, self._leash = os.pipe2(os.O_CLOEXEC)
        self.pid: Final = os.fork()
        if self.pid == 0:
            os.close(self._leash)
            run(plain, secure, certificate, key, life)
        os.close(life)
        plain.close()
        secure.close()

    def close(self) -> None:
        """Let the child end; so does the parent's death, by which this end of the pipe closes too."""
        os.close(self._leash)
        try:
            os.waitpid(self.pid, 0)
        except ChildProcessError:
            pass  # it ended earlier, and was reaped among strangers


def run(plain: socket.socket, secure: socket.socket, certificate: str, key: str, life: int) -> NoReturn:
    """The child's life."""
    try:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's: sessions end when the gateway says so
        setproctitle.setproctitle(TITLE)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        asyncio.run(serve(plain, secure, context, life))
    finally:
        os._exit(0)


async def serve(plain: socket.socket, secure: socket.socket, context: ssl.SSLContext, life: int) -> None:
    """Echo until `life` is closed at the other end."""
    over = asyncio.Event()
    asyncio.get_running_loop().add_reader(life, over.set)
    servers = [await asyncio.start_server(echo, sock=plain), await asyncio.start_server(echo, sock=secure, ssl=context)]
    await over.wait()
    for server in servers:
        server.close()


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """One session."""
    try:
        while data := await reader.read(CHUNK):
            writer.write(data)
            await writer.drain()
    except OSError:
        pass
    finally:
        writer.close()
