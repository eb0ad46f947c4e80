"""`client_verify` and `ca_certificates` of a route: which clients may end their TLS there."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from ...errors import ConfigError
from ...model.settings import Settings
from .. import values
from ..tree import Directive
from .context import Context
from .files import authorities
from .scope import Scope
from .tls import check_verification

WORDS: Final = ("on", "optional", "off")


def verified(settings: Settings, own: Scope, context: Context, *, terminates: bool) -> Settings:
    """The settings with what the route's block says about clients' certificates; raises ConfigError."""
    verify = own.own("client_verify")
    trusted = own.own("ca_certificates")
    if not verify:
        if trusted:
            raise ConfigError('"ca_certificates" without "client_verify"', trusted[0].where)
        return settings
    check_place(own, verify[0], terminates)
    word = verify[0].words[0]
    chosen = values.enum(word, WORDS)
    tls = replace(settings.tls, verify_client=chosen)
    if trusted and chosen != "off":
        tls = replace(tls, client_ca=authorities(trusted[0].words, context), trusted_ca=None)
    if tls.verify_client in ("on", "optional") and tls.client_ca is None and tls.trusted_ca is None:
        raise ConfigError('no "ca_certificates" for "client_verify"', word.where)
    check_verification(tls, word)
    return replace(settings, tls=tls)


def check_place(own: Scope, verify: Directive, terminates: bool) -> None:
    """A client is only verified where its TLS ends, and by one of two directives."""
    if own.own("ssl_verify_client"):
        raise ConfigError('"client_verify" and "ssl_verify_client" say the same', verify.where, "keep one of them")
    if not terminates:
        raise ConfigError('"client_verify" in a route that does not end TLS', verify.where, "expected protocols tls")
