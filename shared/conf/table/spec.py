"""The form of an entry of the table, and the types that simple arguments have."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Literal

from ...errors import ConfigError
from .. import values
from ..tree import Word

Status = Literal["works", "planned"]


@dataclass(frozen=True, slots=True)
class Kind:
    """The type of one argument."""

    word: str
    """How the reference page writes it."""
    read: Callable[[Word, str], object]
    """Raises ConfigError for a word that is not of this kind; the second argument is the directive's name."""
    right: str = "x"
    """A word of this kind."""
    wrong: str = ""
    """A word that is not of this kind; empty where every word is."""


@dataclass(frozen=True, slots=True)
class Spec:
    """One directive in the contexts where it has this form."""

    name: str
    contexts: frozenset[str]
    """Of main events stream server upstream map geo split_clients service route certificate plugin."""
    minimum: int
    maximum: int | None
    """Arguments; None is any number."""
    block: bool
    kind: tuple[Kind, ...]
    """The kinds of the arguments in order; the last one stands for all that follow."""
    default: str
    """As it would be written, empty for none."""
    since: str
    """The nginx version it came with, or `penstock`."""
    doc: str
    syntax: str
    """The arguments as the reference page shows them."""
    repeatable: bool = False
    free_form: bool = False
    """The block's lines are values and not directives of this table."""
    nests: bool = False
    """Whether there may be blocks among the lines of a free-form block."""
    includes: bool = True
    """Whether `include` means something inside a free-form block."""
    meaningless: bool = False
    """Checked, accepted, and without effect in Penstock."""
    status: Status = "works"
    remark: str = ""
    """A sentence said whenever the directive is used."""
    remark_level: Literal["notice", "warn"] = "notice"

    takes_anything: bool = field(init=False, default=False)
    """Whether every word is right as an argument."""

    takes_plain_blocks: bool = field(init=False, default=False)
    """Whether such a block is right wherever its arguments and its lines are, with nothing to be said of it."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "takes_anything", all(kind.read is anything for kind in self.kind))
        plain = self.block and self.repeatable and not self.free_form and not self.remark
        object.__setattr__(self, "takes_plain_blocks", plain)

    def kind_of(self, index: int) -> Kind:
        """The kind of the argument at `index`."""
        return self.kind[min(index, len(self.kind) - 1)]


def anything(word: Word, directive: str) -> str:
    """Every word is right."""
    del directive
    return word.text


def variable_name(word: Word, directive: str) -> str:
    """`$name`: what `map`, `geo`, `split_clients` and `set` make."""
    del directive
    if not word.text.startswith("$") or len(word.text) == 1:
        raise ConfigError(f'invalid variable name "{word.text}"', word.where, "a variable begins with $")
    return word.text[1:]


def source_network(word: Word, directive: str) -> None:
    """`all`, `unix:`, an address or a network: what `allow` and `deny` take."""
    del directive
    if word.text not in ("all", "unix:"):
        values.network(word)


def header(word: Word, directive: str) -> None:
    """`on`, `off`, or a version of the PROXY protocol."""
    if word.text not in ("v1", "v2"):
        values.flag(word, directive)


def plain_number(word: Word, directive: str) -> int:
    """A number about which nginx complains without naming the directive."""
    del directive
    return values.number(word)


def cores(word: Word, directive: str) -> None:
    """`auto` or a number that is not zero."""
    if word.text == "auto":
        return
    if not word.text.isascii() or not word.text.isdigit() or int(word.text) == 0:
        raise values.invalid(word, directive, "value", "expected a number of at least 1, or auto")


def rate(word: Word, directive: str) -> None:
    """A size, or variables that give one."""
    if "$" not in word.text:
        values.size(word, directive)


def signed(word: Word, directive: str) -> int:
    """A whole number that may have a sign."""
    digits = word.text[1:] if word.text[:1] in ("+", "-") else word.text
    if not digits.isascii() or not digits.isdigit():
        raise values.invalid(word, directive, "number", "expected a whole number")
    return int(word.text)


def kong_limited(word: Word, directive: str) -> float:
    """A time of a Kong service: 1 ms to 2^31-2 ms."""
    value = values.kong_time(word, directive)
    if not 0.001 <= value <= (2**31 - 2) / 1000:
        raise values.invalid(word, directive, "value", "expected a time from 1ms to 2147483646ms")
    return value


def pool_size(word: Word, directive: str) -> None:
    """`threads=NUMBER` or `max_queue=NUMBER`."""
    del directive
    name, equals, value = word.text.partition("=")
    if not equals or name not in ("threads", "max_queue"):
        raise ConfigError(f'invalid parameter "{word.text}"', word.where, "expected threads=number or max_queue=number")
    if not value.isascii() or not value.isdigit() or (name == "threads" and int(value) == 0):
        raise ConfigError(f'invalid {name} value "{word.text}"', word.where)


TEXT: Final = Kind("text", anything)
FILE: Final = Kind("file", anything)
NAME: Final = Kind("name", anything)
ADDRESS: Final = Kind("address", anything, "127.0.0.1:9")
VARIABLE: Final = Kind("$variable", variable_name, "$x", "x")
NETWORK: Final = Kind("address | network | unix: | all", source_network, "all", "300.0.0.1")
FLAG: Final = Kind("on | off", values.flag, "on", "yes")
NUMBER: Final = Kind("number", values.number, "1", "one")
PLAIN_NUMBER: Final = Kind("number", plain_number, "1", "one")
HEADER: Final = Kind("on | off | v1 | v2", header, "on", "v3")
INTEGER: Final = Kind("number", signed, "-1", "one")
CORES: Final = Kind("number | auto", cores, "1", "many")
POOL_SIZE: Final = Kind("threads=number | max_queue=number", pool_size, "threads=1", "threads=0")
SIZE: Final = Kind("size", values.size, "1k", "1kb")
RATE: Final = Kind("rate", rate, "1k", "fast")
TIME: Final = Kind("time", values.time, "1s", "soon")
SECONDS: Final = Kind("time", values.whole_seconds, "1s", "5ms")
KONG_TIME: Final = Kind("time", kong_limited, "1s", "0")
PORT: Final = Kind("port", values.port, "9", "0")


def choice(*words: str, complaint: str = "invalid value") -> Kind:
    """One of a closed set of words; nginx's complaint about another does not name the directive."""

    def read(word: Word, directive: str) -> str:
        del directive
        return values.enum(word, words, complaint=complaint)

    return Kind(" | ".join(words), read, words[0], "no-such-word")


def at_most(limit: int) -> Kind:
    """A whole number up to `limit`."""

    def read(word: Word, directive: str) -> int:
        return values.number(word, directive, most=limit)

    return Kind("number", read, str(limit), str(limit + 1))


def simple(
    name: str,
    contexts: str,
    arguments: str,
    kind: Kind | tuple[Kind, ...],
    doc: str,
    *,
    default: str = "",
    since: str = "1.9.0",
    syntax: str = "",
    repeatable: bool = False,
    meaningless: bool = False,
    status: Status = "works",
    remark: str = "",
    remark_level: Literal["notice", "warn"] = "notice",
) -> Spec:
    """A simple directive; `arguments` is `1`, `1-3` or `1+`."""
    minimum, maximum = arity(arguments)
    kinds = kind if isinstance(kind, tuple) else (kind,)
    return Spec(
        name=name,
        contexts=frozenset(contexts.split()),
        minimum=minimum,
        maximum=maximum,
        block=False,
        kind=kinds,
        default=default,
        since=since,
        doc=doc,
        syntax=syntax or written(kinds, minimum, maximum),
        repeatable=repeatable,
        meaningless=meaningless,
        status=status,
        remark=remark,
        remark_level=remark_level,
    )


def block(
    name: str,
    contexts: str,
    arguments: str,
    doc: str,
    *,
    kind: Kind | tuple[Kind, ...] = NAME,
    since: str = "1.9.0",
    syntax: str = "",
    repeatable: bool = True,
    free_form: bool = False,
    nests: bool = False,
    includes: bool = True,
    status: Status = "works",
) -> Spec:
    """A directive with a block."""
    minimum, maximum = arity(arguments)
    kinds = kind if isinstance(kind, tuple) else (kind,)
    return Spec(
        name=name,
        contexts=frozenset(contexts.split()),
        minimum=minimum,
        maximum=maximum,
        block=True,
        kind=kinds,
        default="",
        since=since,
        doc=doc,
        syntax=syntax or written(kinds, minimum, maximum),
        repeatable=repeatable,
        free_form=free_form,
        nests=nests,
        includes=includes,
        status=status,
    )


def arity(arguments: str) -> tuple[int, int | None]:
    """`2` → (2, 2), `1-3` → (1, 3), `1+` → (1, None)."""
    if arguments.endswith("+"):
        return int(arguments[:-1]), None
    least, _, most = arguments.partition("-")
    return int(least), int(most or least)


def written(kinds: tuple[Kind, ...], minimum: int, maximum: int | None) -> str:
    """A syntax line made from the kinds, for directives that need no better one."""
    if maximum == 0:
        return ""
    word = kinds[0].word
    return f"{word} ..." if maximum is None or maximum > minimum else " ".join([word] * minimum)


def expected(spec: Spec) -> str:
    """How a directive is written, as a hint."""
    end = " { ... }" if spec.block else ";"
    return f"expected: {' '.join(filter(None, (spec.name, spec.syntax)))}{end}"
