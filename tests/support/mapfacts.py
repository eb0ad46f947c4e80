"""Maps with what they give: facts about nginx that hold for Penstock."""

from __future__ import annotations

from typing import Final, NamedTuple

from penstock.shared.mapping import Entries, Map
from penstock.shared.pattern import compile_pattern
from penstock.shared.scope import Scope
from penstock.shared.template import compile_template, constant
from penstock.shared.variables import lookup

Lines = tuple[tuple[str, str], ...]


class Fact(NamedTuple):
    """The value that a map gives for a source. A line without a value is `hostnames`."""

    source: str
    lines: Lines
    value: str


HOSTS: Final = ("hostnames", "")
NO: Final = ("default", "no")

FACTS: Final = {
    "a literal key": Fact("a", (("a", "yes"), NO), "yes"),
    "the default": Fact("b", (("a", "yes"), NO), "no"),
    "no default is empty": Fact("b", (("a", "yes"),), ""),
    "the source's case": Fact("FOO", (("foo", "yes"), NO), "yes"),
    "the key's case": Fact("foo", (("FOO", "yes"), NO), "yes"),
    "only ascii's case": Fact("É", (("é", "yes"), NO), "no"),
    "an empty source": Fact("", (("", "yes"), NO), "yes"),
    "an escaped default": Fact("default", ((r"\default", "yes"), NO), "yes"),
    "an escaped hostnames": Fact("hostnames", ((r"\hostnames", "yes"), NO), "yes"),
    "an escaped tilde": Fact("~foo", ((r"\~foo", "yes"), NO), "yes"),
    "one backslash is dropped": Fact(r"\x", ((r"\\x", "yes"), NO), "yes"),
    "a wildcard without hostnames": Fact("a.example.com", (("*.example.com", "yes"), NO), "no"),
    "a wildcard before hostnames": Fact("a.example.com", (("*.example.com", "yes"), HOSTS, NO), "no"),
    "a dot at the end": Fact("example.com.", (HOSTS, ("example.com", "yes"), NO), "yes"),
    "two dots at the end": Fact("example.com..", (HOSTS, ("example.com", "yes"), NO), "no"),
    "a dot at the end without hostnames": Fact("example.com.", (("example.com", "yes"), NO), "no"),
    "a key with a dot at its end": Fact("a.com.", (HOSTS, ("a.com.", "dot"), ("a.com", "yes"), NO), "yes"),
    "an expression sees no dot at the end": Fact("a.com.", (HOSTS, (r"~^a\.com$", "yes"), NO), "yes"),
    "a leading wildcard": Fact("a.example.com", (HOSTS, ("*.example.com", "yes"), NO), "yes"),
    "a leading wildcard of any depth": Fact("a.b.example.com", (HOSTS, ("*.example.com", "yes"), NO), "yes"),
    "a leading wildcard is not the name": Fact("example.com", (HOSTS, ("*.example.com", "yes"), NO), "no"),
    "a leading wildcard and an empty label": Fact(".example.com", (HOSTS, ("*.example.com", "yes"), NO), "yes"),
    "a leading wildcard's case": Fact("A.Example.COM", (HOSTS, ("*.eXample.com", "yes"), NO), "yes"),
    "a leading wildcard ends at a dot": Fact("badexample.com", (HOSTS, ("*.example.com", "yes"), NO), "no"),
    "a dotted name is the name": Fact("example.com", (HOSTS, (".example.com", "yes"), NO), "yes"),
    "a dotted name is what is below": Fact("a.b.example.com", (HOSTS, (".example.com", "yes"), NO), "yes"),
    "a trailing wildcard": Fact("www.example.org", (HOSTS, ("www.example.*", "yes"), NO), "yes"),
    "a trailing wildcard of any depth": Fact("www.example.co.uk", (HOSTS, ("www.example.*", "yes"), NO), "yes"),
    "a trailing wildcard wants a label": Fact("www.example", (HOSTS, ("www.example.*", "yes"), NO), "no"),
    "a trailing wildcard and a last dot": Fact("www.example.", (HOSTS, ("www.example.*", "yes"), NO), "no"),
    "a trailing wildcard and an empty label": Fact("www..com", (HOSTS, ("www.*", "yes"), NO), "yes"),
    "exact over wildcards": Fact("a.b.c", (HOSTS, ("*.b.c", "lead"), ("a.b.*", "trail"), ("a.b.c", "yes")), "yes"),
    "the longest leading wildcard": Fact("a.b.c.com", (HOSTS, ("*.c.com", "no"), ("*.b.c.com", "yes")), "yes"),
    "a longer wildcard that does not fit": Fact("a.b.com", (HOSTS, ("*.x.b.com", "no"), ("*.b.com", "yes")), "yes"),
    "the longest trailing wildcard": Fact("a.b.c.com", (HOSTS, ("a.*", "no"), ("a.b.*", "yes")), "yes"),
    "a shorter trailing wildcard": Fact("a.b.c", (HOSTS, ("a.*", "yes"), ("a.b.x.*", "no")), "yes"),
    "leading over trailing": Fact("www.example.com", (HOSTS, ("www.*", "no"), ("*.com", "yes")), "yes"),
    "wildcards over expressions": Fact("a.b.c", (HOSTS, ("~a", "no"), ("a.b.*", "yes")), "yes"),
    "exact over expressions": Fact("a", (("~a", "no"), ("a", "yes")), "yes"),
    "the first expression that matches": Fact("ab", (("~c", "no"), ("~a", "yes"), ("~b", "no")), "yes"),
    "an expression's case": Fact("FOO", (("~foo", "no"), ("~*foo", "yes")), "yes"),
    "an expression sees the source's case": Fact("A.Example", (HOSTS, ("~Example", "yes"), NO), "yes"),
    "numbered groups": Fact("abc", (("~^(a)(b)", "$2-$1"),), "b-a"),
    "a group that took no part": Fact("b", (("~^(a)?(b)", "<$1$2>"),), "<b>"),
    "named groups": Fact("abc", (("~^(?<%_head>a)(?P<%_tail>.*)", "$%_tail$%_head"),), "bca"),
    "a group in a default is empty": Fact("x", (("~^(a)", "no"), ("default", "<$1>")), "<>"),
    "a variable in a value": Fact("a", (("a", "<$protocol>"),), "<TCP>"),
    "a variable in a default": Fact("b", (("a", "no"), ("default", "<$protocol>")), "<TCP>"),
    "posix classes": Fact("a1", ((r"~^[[:alpha:]]\d$", "yes"), NO), "yes"),
    "quoted text in an expression": Fact("a.b", ((r"~^\Qa.b\E$", "yes"), NO), "yes"),
}


def build(fact: Fact, scope: Scope, name: str = "m") -> Map:
    """The map of a fact, as the configuration's builder makes it."""
    entries = Entries()
    for key, text in fact.lines:
        if (key, text) == HOSTS:
            entries.hostnames = True
            continue
        key = key.replace("%", name)
        if not key.startswith("~"):
            value = compile_template(text.replace("%", name), scope.lookup)
            if key == "default":
                entries.default = value
            else:
                entries.add(key.removeprefix("\\"), value)
            continue
        pattern = compile_pattern(key.lstrip("~*"), key.startswith("~*"))
        for group in pattern.names:
            scope.define_capture(group)
        entries.add_pattern(pattern, compile_template(text.replace("%", name), scope.lookup))
    return Map(constant(fact.source), name, entries)


def scope() -> Scope:
    """Built-in variables and nothing else."""
    return Scope(lookup)


def nginx_text(fact: Fact, name: str) -> str:
    """The map of a fact in nginx's language."""
    lines = [
        "hostnames;" if (key, text) == HOSTS else f"{quote(key.replace('%', name))} {quote(text.replace('%', name))};"
        for key, text in fact.lines
    ]
    return f"map {quote(fact.source)} ${name} {{ {' '.join(lines)} }}\n"


def quote(text: str) -> str:
    """A word of nginx's language."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
