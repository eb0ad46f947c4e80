"""`geoip_country`, `geoip_city`, `geoip_org`: databases whose variables the configuration may use."""

from __future__ import annotations

from typing import Final

from ...errors import ConfigError
from ...geoip import VARIABLES, BadDatabase, Places, available
from ...template import Getter, Lookup
from ...variables import lookup as builtin_variable
from ..tree import Directive
from .context import Context
from .scope import Scope

DIRECTIVES: Final = ("geoip_country", "geoip_city", "geoip_org")
CHARSET: Final = "utf8"
"""The one charset there is in a MaxMind DB; nginx's default is Latin-1."""
MODERN: Final = (
    "only MaxMind DB files (.mmdb) are read: take the same data in that format, the legacy .dat is long gone"
)


def geoip_lookup(stream: Scope, context: Context) -> Lookup:
    """Built-in variables, with those of the databases of `stream {}`."""
    found: dict[str, Getter] = {}
    for name in DIRECTIVES:
        directive = stream.one(name)
        if directive is not None:
            places = read_places(directive, context)
            found |= {variable: places.getter(read) for variable, read in VARIABLES[name].items()}

    def lookup(name: str) -> Getter:
        return found[name] if name in found else builtin_variable(name)

    return lookup if found else builtin_variable


def read_places(directive: Directive, context: Context) -> Places:
    """The database of a directive."""
    word = directive.words[0]
    for charset in directive.words[1:]:
        if charset.text != CHARSET:
            raise ConfigError(f'invalid parameter "{charset.text}"', charset.where, f'expected "{CHARSET}"')
    if not available():
        text = f'"{directive.name}" needs the Python package maxminddb, which is not installed'
        raise ConfigError(text, directive.where, 'install it with: pip install "penstock[geoip]"')
    path = context.beside_configuration(word.text)
    content = context.read(path, word.where, f'GeoIP_open("{path}") failed')
    try:
        return Places(content)
    except BadDatabase as error:
        raise ConfigError(f'GeoIP_open("{path}") failed ({error})', word.where, MODERN) from None
