"""Certificates named by variables: read when a handshake needs them, by the worker, with the worker's rights.

Without `ssl_certificate_cache` the files are read for every handshake, as nginx does, so that a new certificate is
served at once. What is made of them, an `SSLContext`, is kept by their contents, so that sessions still resume; it is
made after the fork, so they do on this worker only (unless `ssl_session_ticket_key` gives the keys).
"""

from __future__ import annotations

import os
import ssl
from collections.abc import Callable
from time import monotonic
from typing import TYPE_CHECKING, Final

from ..shared.errors import ConfigError
from ..shared.model.tls import CertificateCache, KeyPair, PairTemplate
from ..shared.pairs import read_pair

if TYPE_CHECKING:
    from .session import Session

CONTEXTS: Final = 64
"""Contexts kept, where a cache does not ask for more: clients may steer the names."""
DATA: Final = "data:"
"""What follows is the certificate or key itself, not its path."""


class Files:
    """Contents of files, kept as `ssl_certificate_cache` says. Raises OSError."""

    __slots__ = ("_cache", "_clock", "_known")

    def __init__(self, cache: CertificateCache | None, clock: Callable[[], float] = monotonic) -> None:
        self._cache = cache
        self._clock = clock
        self._known: dict[str, tuple[bytes, float, float]] = {}
        """By path: content, when it was read, when it was used; least recently used first."""

    def read(self, path: str) -> bytes:
        """The content of a file."""
        cache = self._cache
        if cache is None:
            return read(path)
        now = self._clock()
        self._drop(now, cache.inactive)
        known = self._known.pop(path, None)
        if known is not None:
            content, since, _used = known
            if now - since < cache.valid:
                self._known[path] = (content, since, now)
                return content
        content = read(path)
        if len(self._known) >= cache.most:
            del self._known[next(iter(self._known))]
        self._known[path] = (content, now, now)
        return content

    def _drop(self, now: float, inactive: float) -> None:
        for path, (_, _, used) in tuple(self._known.items()):
            if now - used <= inactive:
                return
            del self._known[path]


def read(path: str) -> bytes:
    """A file's content."""
    with open(path, "rb") as file:
        return file.read()


class Certificates:
    """The contexts of one block's certificates."""

    __slots__ = ("_contexts", "_files", "_make", "_most", "_templates")

    def __init__(
        self,
        templates: tuple[PairTemplate, ...],
        cache: CertificateCache | None,
        make: Callable[[tuple[KeyPair, ...]], ssl.SSLContext],
    ) -> None:
        self._templates = templates
        self._files = Files(cache)
        self._make = make
        self._most = max(CONTEXTS, cache.most if cache is not None else 0)
        self._contexts: dict[tuple[tuple[bytes, bytes], ...], ssl.SSLContext] = {}

    def context(self, session: Session) -> ssl.SSLContext:
        """The context for a session; raises ValueError with nginx's sentence."""
        named = [
            (template, template.certificate.render(session), template.key.render(session))
            for template in self._templates
        ]
        contents = [
            (
                self._content(template, certificate, "certificate"),
                self._content(template, key, "certificate key"),
            )
            for template, certificate, key in named
            if certificate or not template.may_be_empty
        ]
        identity = tuple(contents)
        known = self._contexts.pop(identity, None)
        if known is None:
            known = self._build(named, contents)
            if len(self._contexts) >= self._most:
                del self._contexts[next(iter(self._contexts))]
        self._contexts[identity] = known
        return known

    def contexts(self) -> tuple[ssl.SSLContext, ...]:
        """Those in use."""
        return tuple(self._contexts.values())

    def _build(self, named: list[tuple[PairTemplate, str, str]], contents: list[tuple[bytes, bytes]]) -> ssl.SSLContext:
        used = [each for each in named if each[1] or not each[0].may_be_empty]
        try:
            return self._make(
                tuple(
                    read_pair(chain, key, shown(chain_name), shown(key_name), template.passwords, template.where)
                    for (template, chain_name, key_name), (chain, key) in zip(used, contents, strict=True)
                )
            )
        except ConfigError as error:
            raise ValueError(error.text) from None

    def _content(self, template: PairTemplate, name: str, what: str) -> bytes:
        if name.startswith(DATA):
            return name.removeprefix(DATA).encode("utf-8", "surrogateescape")
        path = os.path.join(template.base, name)
        try:
            return self._files.read(path)
        except (OSError, ValueError) as error:
            number = getattr(error, "errno", None)
            why = f"{number}: {os.strerror(number)}" if number else str(error)
            raise ValueError(f'cannot load {what} "{path}": BIO_new_file() failed ({why})') from None


def shown(name: str) -> str:
    """A name as messages have it: never the key itself."""
    return DATA if name.startswith(DATA) else name
