"""Certificates whose names have variables, and the cache of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from ...errors import ConfigError
from ...model.tls import CertificateCache, PairTemplate
from ...template import has_variables
from .. import values
from ..tree import Directive, Word
from .context import Context
from .files import read_passwords
from .scope import Scope

TIMES: Final = ("inactive", "valid")


def any_variables(pairs: Sequence[tuple[Word, Word]]) -> bool:
    """Whether one of the names has variables; then all are read by the workers, as in nginx."""
    return any(has_variables(word.text) for pair in pairs for word in pair)


def pair_templates(
    pairs: Sequence[tuple[Word, Word]], passwords: Word | None, context: Context, *, may_be_empty: bool = False
) -> tuple[PairTemplate, ...]:
    """The pairs that are read by the workers."""
    known = () if passwords is None else read_passwords(passwords, context)
    return tuple(
        PairTemplate(
            context.template(certificate), context.template(key), context.base, known, may_be_empty, certificate.where
        )
        for certificate, key in pairs
    )


def certificate_cache(scope: Scope, name: str) -> CertificateCache | None:
    """`ssl_certificate_cache`; None where it is off."""
    directive = scope.one(name)
    if directive is None or (len(directive.words) == 1 and directive.words[0].text == "off"):
        return None
    most = 0
    times = {"inactive": 10.0, "valid": 60.0}
    for word in directive.words:
        key, equals, value = word.text.partition("=")
        if key == "max" and equals:
            most = positive(word, value, directive)
        elif key in TIMES and equals:
            try:
                times[key] = values.time(Word(value, word.where), key)
            except ConfigError:
                raise invalid(word, directive) from None
        else:
            raise invalid(word, directive)
    if not most:
        raise ConfigError(f'"{name}" must have the "max" parameter', directive.where)
    return CertificateCache(most, times["inactive"], times["valid"])


def positive(word: Word, value: str, directive: Directive) -> int:
    """A number above 0."""
    if not value.isascii() or not value.isdigit() or int(value) < 1:
        raise invalid(word, directive)
    return int(value)


def invalid(word: Word, directive: Directive) -> ConfigError:
    """nginx's sentence."""
    return ConfigError(f'invalid parameter "{word.text}"', word.where, f'of "{directive.name}"')
