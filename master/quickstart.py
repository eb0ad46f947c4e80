"""`penstock quickstart`: a gateway to try out, in a temporary directory, with its own certificate and echo servers."""

from __future__ import annotations

import errno
import os
import shutil
import socket
import sys
import sysconfig
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from ..shared.pairs import self_signed
from .echo import Echo
from .launch import launch_of
from .start import start

TEMPLATE: Final = "quickstart.conf"
HOST: Final = "127.0.0.1"
PORT: Final = 5555
METRICS_PORT: Final = 9145
ECHO_PORT: Final = 5556
SECURE_ECHO_PORT: Final = 5557
"""The ports as `conf/quickstart.conf` has them."""

TEXT: Final = """\
Penstock is listening on {host}:{port} (TLS and plain TCP on one port); metrics on {host}:{metrics_port}.
Paste these into another terminal:

  # TLS that ends in Penstock; an echo server behind it gets the plain bytes
  (echo hello; sleep 1) | openssl s_client -connect {host}:{port} -servername gateway.localhost \
-CAfile {directory}/gateway.crt -verify_return_error -quiet -no_ign_eof

  # plain TCP on the same port
  bash -c 'exec 3<>/dev/tcp/{host}/{port}; echo hello >&3; head -n 1 <&3'

  # TLS that goes through untouched; the certificate is that of the server behind
  (echo hello; sleep 1) | openssl s_client -connect {host}:{port} -servername raw.localhost \
-CAfile {directory}/raw.crt -verify_return_error -quiet -no_ign_eof

  # what was counted
  curl -s http://{host}:{metrics_port}/metrics | grep ^penstock_

  # change the configuration, and apply it without losing a session
  kill -HUP {pid}

The configuration: {file}
Ctrl-C ends everything and removes {directory}.
"""


def run(port: int = PORT, metrics_port: int = METRICS_PORT) -> int:
    """Serve until Ctrl-C; the exit status."""
    for number, option in ((port, "--port"), (metrics_port, "--metrics-port")):
        trouble = trouble_with(number, option)
        if trouble:
            print(f"penstock: {trouble}", file=sys.stderr)
            return 1
    if port == metrics_port:
        print(f"penstock: --port and --metrics-port are both {port}", file=sys.stderr)
        return 1
    directory = Path(tempfile.mkdtemp(prefix="penstock-quickstart-"))
    try:
        return serve(directory, port, metrics_port)
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def serve(directory: Path, port: int, metrics_port: int) -> int:
    """Fill the directory, and start on it."""
    write_pair(directory, "gateway", ("gateway.localhost", "localhost", HOST))
    write_pair(directory, "raw", ("raw.localhost",))
    echo = Echo(str(directory / "raw.crt"), str(directory / "raw.key"))
    try:
        ports = {PORT: port, METRICS_PORT: metrics_port, ECHO_PORT: echo.port, SECURE_ECHO_PORT: echo.secure_port}
        file = directory / TEMPLATE
        file.write_text(rendered(template().read_text(), ports))
        values = {"host": HOST, "port": port, "metrics_port": metrics_port, "directory": directory, "file": file}

        def serving() -> None:
            print(TEXT.format(pid=os.getpid(), **values), flush=True)

        return start(launch_of(str(directory), str(file), "", None, False, ("quickstart",)), serving=serving)
    finally:
        echo.close()


def rendered(text: str, ports: Mapping[int, int]) -> str:
    """The configuration with other ports; all are replaced at once, since one may be the old number of another."""
    for number, old in enumerate(ports):
        text = text.replace(f":{old}", f":\0{number}\0")
    for number, new in enumerate(ports.values()):
        text = text.replace(f":\0{number}\0", f":{new}")
    return text


def write_pair(directory: Path, name: str, names: tuple[str, ...]) -> None:
    """A self-signed certificate with its key."""
    pair = self_signed(names, "ecdsa")
    (directory / f"{name}.crt").write_bytes(pair.certificate)
    key = directory / f"{name}.key"
    key.touch(0o600)
    key.write_bytes(pair.key)


def template() -> Path:
    """`conf/quickstart.conf` of the checkout, or as it was installed."""
    beside = Path(__file__).resolve().parents[1] / "conf" / TEMPLATE
    places = (
        beside,
        *(Path(place) / "share/penstock/conf" / TEMPLATE for place in (sysconfig.get_path("data"), sys.prefix)),
    )
    return next((place for place in places if place.exists()), beside)


def trouble_with(port: int, option: str) -> str:
    """Why the port cannot be had, as a sentence; empty when it can."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return f"port {port} of {HOST} is taken by another program; name a free one with {option} PORT"
            return f"port {port} of {HOST} cannot be used ({error.strerror}); name another one with {option} PORT"
    return ""
