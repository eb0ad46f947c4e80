"""Which of the servers on one address answers a name that a client sent in its TLS hello.

nginx's order (https://nginx.org/en/docs/stream/ngx_stream_core_module.html#server_name): the exact name, the longest
`*.rest`, the longest `name.*`, the first matching expression. Who sends no name, or one that nobody has, is the
default server's.
"""

from __future__ import annotations

from typing import Final

from .hello import normal_name
from .mapping import BadName, Kind, Wildcards, ascii_lower, hostname_kind, keep_groups
from .name_table import MAX_NAME
from .pattern import Pattern, compile_pattern

HOSTNAME: Final = "$hostname"
"""Stands for the machine's name."""

__all__ = ["HOSTNAME", "BadName", "ServerNames", "name_pattern", "shown_name"]


class ServerNames:
    """The names of the servers on one address. Numbers are the servers' places."""

    __slots__ = ("_exact", "_patterns", "_wildcards")

    def __init__(self) -> None:
        self._exact: dict[str, int] = {}
        self._wildcards: Wildcards[int] = Wildcards()
        self._patterns: list[tuple[Pattern, int]] = []

    def add(self, name: str, number: int) -> bool:
        """Add a name as `server_name` has it; False when it is taken. Raises BadName, and ValueError for a `~…`."""
        if name.startswith("~"):
            self._patterns.append((name_pattern(name), number))
            return True
        name = ascii_lower(name)
        kind = hostname_kind(name)
        if kind is Kind.TRAILING:
            return self._wildcards.add_trailing(name[:-1], number)
        if kind is Kind.LEADING:
            return self._wildcards.add_leading(name[1:], number)
        bare = name.removeprefix(".")
        if bare in self._exact:
            return False
        if kind is Kind.DOTTED and not self._wildcards.add_leading(name, number):
            return False
        self._exact[bare] = number
        return True

    def find(self, sent: str | None, captures: dict[str, str]) -> int | None:
        """The server of a name as sent; an expression leaves its groups in `captures`."""
        name = host_of(sent)
        if not name:
            return None
        number = self._exact.get(name)
        if number is None:
            number = self._wildcards.find(name)
        if number is not None:
            return number
        for pattern, chosen in self._patterns:
            found = pattern.search(name)
            if found is not None:
                keep_groups(pattern, found, captures)
                return chosen
        return None


def host_of(sent: str | None) -> str:
    """A name as it is compared; empty for what can be no host's."""
    if sent is None or len(sent) > MAX_NAME:
        return ""
    if "/" in sent or "\0" in sent or ".." in sent:
        return ""
    return normal_name(sent)


def name_pattern(name: str) -> Pattern:
    """The expression of a name `~…`; raises ValueError. One with a capital letter ignores case, as nginx's."""
    text = name[1:]
    if not text:
        raise ValueError(f'empty regex in server name "{name}"')
    return compile_pattern(text, caseless=any("A" <= letter <= "Z" for letter in text))


def shown_name(names: tuple[str, ...], hostname: str) -> str:
    """`$server_name`: the first name, without the dot of `.name`."""
    if not names:
        return ""
    return hostname if names[0] == HOSTNAME else names[0].removeprefix(".")
