"""`proxy_bind`: the address that a connection to an upstream leaves from."""

from __future__ import annotations

import errno
import os
import socket
from ipaddress import ip_address
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from .session import Session

IP_TRANSPARENT: Final = 19
IPV6_TRANSPARENT: Final = 75
IP_BIND_ADDRESS_NO_PORT: Final = 24
MOST: Final = 65535


def bind_local(session: Session, sock: socket.SocketType) -> bool:
    """Bind as the settings say; False when that failed, which is told. What is no address is told and not used."""
    proxy = session.target.settings.proxy
    text = proxy.bind.render(session) if proxy.bind is not None else ""
    if not text:
        return True
    address = parsed(text)
    if address is None:
        session.error(f'invalid local address "{text}"')
        return True
    try:
        if sock.family != address[0]:
            raise OSError(errno.EAFNOSUPPORT, os.strerror(errno.EAFNOSUPPORT))
        if proxy.bind_transparent:
            six = sock.family == socket.AF_INET6
            level, option = (socket.IPPROTO_IPV6, IPV6_TRANSPARENT) if six else (socket.SOL_IP, IP_TRANSPARENT)
            sock.setsockopt(level, option, 1)
        if not address[2]:
            sock.setsockopt(socket.SOL_IP, IP_BIND_ADDRESS_NO_PORT, 1)
        sock.bind(address[1:])
    except OSError as error:
        failed = f"bind({text}) failed ({error.errno}: {error.strerror}) while connecting to upstream"
        session.target.log.crit(failed + session.context(), session.number)
        return False
    return True


def parsed(text: str) -> tuple[int, str, int] | None:
    """Family, host and port of a numeric address; None for anything else, above all a name: nobody is asked here."""
    host, port = text, ""
    if text.startswith("["):
        host, _, port = text[1:].partition("]")
        if port and not port.startswith(":"):
            return None
        port = port[1:]
    elif text.count(":") == 1:
        host, _, port = text.partition(":")
    if port and not (port.isascii() and port.isdigit() and len(port) <= len(str(MOST)) and 0 < int(port) <= MOST):
        return None
    try:
        version = ip_address(host).version
    except ValueError:
        return None
    return int(socket.AF_INET if version == 4 else socket.AF_INET6), host, int(port or 0)
