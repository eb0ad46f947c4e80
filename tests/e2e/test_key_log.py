"""`ssl_key_log`: the secrets of sessions, for those who look into captured traffic."""

# ruff: noqa: E501  a fact of the configuration is one line

from __future__ import annotations

import signal
from pathlib import Path

from certs import Authority
from clients import careless, connect, connect_tls, read_all
from deadline import wait_for
from gate import Gate

CONFIG = """
stream {
    server { listen 127.0.0.1:%%PORT_tls%% ssl; ssl_certificate %%CRT%%; ssl_certificate_key %%KEY%%; ssl_key_log %%DIR%%/client.keys; return x; }
    server { listen 127.0.0.1:%%PORT_plain%%; proxy_pass 127.0.0.1:%%PORT_tls%%; proxy_ssl on; proxy_ssl_key_log %%DIR%%/upstream.keys; }
}
"""


def use(gate: Gate) -> None:
    """A session with each side's TLS."""
    with connect_tls(gate.port("tls"), careless()) as client:
        assert read_all(client) == b"x"
    with connect(gate.port("plain")) as plain:
        assert read_all(plain) == b"x"


def test_secrets_are_written_also_after_the_files_were_rotated(tmp_path: Path, authority: Authority) -> None:
    pair = authority.issue("keys.test")
    names = ("client.keys", "upstream.keys")
    with Gate(tmp_path, CONFIG, CRT=pair.crt, KEY=pair.key) as gate:
        use(gate)
        for name in names:
            file = tmp_path / name
            assert "CLIENT_HANDSHAKE_TRAFFIC_SECRET" in file.read_text()
            assert file.stat().st_mode & 0o777 == 0o600
            file.rename(file.with_suffix(".old"))
        gate.signal(signal.SIGUSR1)
        wait_for(lambda: all((tmp_path / name).exists() for name in names), "the files are there again")
        wait_for(lambda: written(gate, tmp_path), "secrets are in the new files")
        for name in names:
            assert (tmp_path / name).stat().st_mode & 0o777 == 0o600


def written(gate: Gate, directory: Path) -> bool:
    """Whether a new session's secrets are in both files: the worker hears of USR1 a moment after the master."""
    use(gate)
    return all("TRAFFIC_SECRET" in (directory / name).read_text() for name in ("client.keys", "upstream.keys"))
