"""Certificates made for one test run, by a certificate authority of its own."""

from __future__ import annotations

import datetime
import ssl
from pathlib import Path
from typing import NamedTuple

import trustme


class Pair(NamedTuple):
    """The files of a certificate chain and of its key."""

    crt: Path
    key: Path


class Authority:
    """A certificate authority that writes what it issues into a directory."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.ca = trustme.CA()
        self.file = directory / "ca.pem"
        self.ca.cert_pem.write_to_path(str(self.file))

    def issue(self, *names: str, expired: bool = False, rsa: bool = False) -> Pair:
        """A certificate for the names, the same one when asked again."""
        stem = f"{names[0].replace('*', '_')}{'-expired' if expired else ''}{'-rsa' if rsa else ''}"
        pair = Pair(self.directory / f"{stem}.crt", self.directory / f"{stem}.key")
        if not pair.crt.exists():
            day = datetime.datetime(2021, 1, 1, tzinfo=datetime.UTC)
            leaf = self.ca.issue_cert(
                *names,
                key_type=trustme.KeyType.RSA if rsa else trustme.KeyType.ECDSA,
                not_before=day if expired else None,
                not_after=day + datetime.timedelta(days=1) if expired else None,
            )
            pair.key.touch(mode=0o600)
            leaf.private_key_pem.write_to_path(str(pair.key))
            for blob in leaf.cert_chain_pems:
                blob.write_to_path(str(pair.crt), append=True)
        return pair

    def server(self, *names: str) -> ssl.SSLContext:
        """A server's context with a certificate for the names."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        pair = self.issue(*names)
        context.load_cert_chain(pair.crt, pair.key)
        return context

    def client(self) -> ssl.SSLContext:
        """A client's context that trusts this authority, and checks names."""
        return ssl.create_default_context(cafile=str(self.file))
