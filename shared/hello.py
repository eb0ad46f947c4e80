"""The ClientHello, as far as a gateway must read it."""

from __future__ import annotations


class ClientHello:
    """Placeholder of the contract; see the fields."""

    __slots__ = ("alpn", "legacy_version", "server_name", "versions")

    def __init__(
        self, server_name: str | None, alpn: tuple[str, ...], legacy_version: int, versions: tuple[int, ...]
    ) -> None:
        self.server_name = server_name
        self.alpn = alpn
        self.legacy_version = legacy_version
        self.versions = versions
