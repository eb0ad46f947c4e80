"""What the builders share while one configuration is built: the outside world, names, files read, notices."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field

from ...errors import ConfigError
from ...model.limit import LimitConnZone
from ...model.log import AccessLog
from ...model.stream import Notice
from ...model.tls import KeyPair
from ...model.upstream import Upstream
from ...model.where import Where
from ...template import Lookup, Template, UnclosedVariable, UnknownVariable, compile_template
from ...variables import GETTERS
from ...variables import lookup as builtin_variable
from ..suggest import nearest
from ..tree import Word
from .system import System
from .zone import ZoneNames


@dataclass(slots=True)
class Context:
    """The state of one build. Everything read or resolved is kept, so that a file or a name is asked for once."""

    system: System
    base: str
    """The directory of the main configuration file: includes, certificates, keys."""
    prefix: str
    """Logs and the pid file."""
    notices: dict[Notice, None] = field(default_factory=dict)
    """An ordered set."""
    lookup: Lookup = builtin_variable
    """Built-in variables, and those of `map` and `set` once they are declared."""
    declared: frozenset[str] = frozenset()
    """The names of the latter."""
    formats: Mapping[str, Template] = field(default_factory=dict)
    """`log_format` by name, compiled."""
    upstreams: dict[str, Upstream] = field(default_factory=dict)
    """`upstream {}` by name in lower case."""
    zones: ZoneNames = field(default_factory=ZoneNames)
    """Every name of shared memory."""
    limit_zones: dict[str, LimitConnZone] = field(default_factory=dict)
    """`limit_conn_zone` by name."""
    implicit: dict[str, Upstream] = field(default_factory=dict)
    """Upstreams of a plain address by their text: the same text shares one, as in nginx."""
    live: bool = False
    """Whether records will come beside what is written: the Admin API's, or those of a declarative file."""
    pairs: dict[tuple[str, str, str], KeyPair] = field(default_factory=dict)
    logs: dict[str, AccessLog] = field(default_factory=dict)
    """Buffered access logs by path: one file cannot be buffered in two ways."""
    contents: dict[str, bytes] = field(default_factory=dict)
    """Files read, by path: a password file may be a FIFO, which gives its text once."""
    resolved: dict[str, list[str]] = field(default_factory=dict)

    def warn(self, text: str, where: Where) -> None:
        """Remember something worth a line that does not stop the configuration."""
        self.note(Notice("warn", text, where))

    def note(self, notice: Notice) -> None:
        """Remember a notice once: what several servers inherit is built for each of them."""
        self.notices.setdefault(notice)

    def beside_configuration(self, path: str) -> str:
        """A path of an include, certificate, key or password file."""
        return os.path.join(self.base, path)

    def under_prefix(self, path: str) -> str:
        """A path of a log or the pid file."""
        return os.path.join(self.prefix, path)

    def template(self, word: Word) -> Template:
        """Compile the variables of a word."""
        return self.compile(word.text, word.where)

    def compile(self, text: str, where: Where) -> Template:
        """Compile the variables of a text written at `where`."""
        try:
            return compile_template(text, self.lookup)
        except UnknownVariable as unknown:
            raise self.unknown_variable(unknown, where) from None

    def unknown_variable(self, unknown: UnknownVariable, where: Where) -> ConfigError:
        """nginx's two sentences about a `$` that leads nowhere."""
        if isinstance(unknown, UnclosedVariable):
            return ConfigError(f'the closing bracket in "{unknown.args[1]}" variable is missing', where)
        name = unknown.args[0] if unknown.args else ""
        if not name:
            return ConfigError("invalid variable name", where)
        near = nearest(name, (*GETTERS, *self.declared))
        return ConfigError(f'unknown "{name}" variable', where, f'did you mean "${near}"?' if near else "")

    def read(self, path: str, where: Where, failed: str = "") -> bytes:
        """Read a file once; a failure is told in nginx's form, beginning with what `failed`."""
        known = self.contents.get(path)
        if known is not None:
            return known
        try:
            content = self.system.read_bytes(path)
        except OSError as error:
            failed = failed or f'open() "{path}" failed'
            raise ConfigError(f"{failed} ({error.errno}: {error.strerror})", where) from None
        self.contents[path] = content
        return content

    def resolve(self, host: str) -> list[str]:
        """The numeric addresses of a name; an empty list when it has none."""
        known = self.resolved.get(host)
        if known is None:
            try:
                known = self.system.resolve(host)
            except OSError:
                known = []
            self.resolved[host] = known
        return known
