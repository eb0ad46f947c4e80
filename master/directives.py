"""The directive table for readers: what `penstock directives` prints, and the page docs/configuration.md.

`python -m penstock.master.directives` writes the page to standard output.
"""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Iterable
from typing import Final

from ..shared.conf.table.spec import Spec
from ..shared.conf.table.table import SECTIONS, TABLE

WIDTH: Final = 100
PREAMBLE: Final = """\
# Configuration reference

Every directive that Penstock knows, generated from its directive table by
`python -m penstock.master.directives`. `penstock directives NAME` prints the same for one directive.

The grammar is nginx's: simple directives end with `;`, blocks stand in `{` and `}`, `#` begins a comment, a word with
spaces is quoted, `include` puts other files in its place.

| type | written as |
|---|---|
| size | bytes, or with `k`, `m`, `g`: `512`, `16k`, `1m` |
| time | seconds, or with `ms`, `s`, `m`, `h`, `d`, `w`, `M`, `y`, also combined: `30`, `1h30m`, `500ms` |
| rate | bytes per second as a size, or variables that give one |
| address | `127.0.0.1:80`, `[::1]:80`, `unix:/path` |
| network | an address or `10.0.0.0/8`, `2001:db8::/32` |
| file | a path; certificates, keys and included files are relative to the main file's directory, logs to the prefix |

Directives *without effect* are checked and accepted, because nginx's configurations have them.
Directives *not in this version* are refused with a sentence that says so.
"""


def listing(names: Iterable[str] = ()) -> str:
    """The table as plain text: one line per directive, or everything about those named.

    Raises LookupError for a name that the table does not have.
    """
    wanted = tuple(names)
    if not wanted:
        return "".join(f"{spec.name:<32}{contexts(spec)}\n" for spec in in_order(TABLE))
    entries = []
    for name in wanted:
        found = [spec for spec in TABLE if spec.name == name]
        if not found:
            raise LookupError(name)
        entries += [entry(spec) for spec in found]
    return "\n".join(entries)


def reference() -> str:
    """The whole of docs/configuration.md."""
    parts = [PREAMBLE]
    for title, specs in SECTIONS.items():
        parts.append(f"\n## {title}\n")
        parts.extend(described(spec) for spec in specs)
    return "".join(parts)


def entry(spec: Spec) -> str:
    """One directive as plain text."""
    rows = [("Syntax", syntax(spec)), ("Context", contexts(spec)), ("Since", since(spec))]
    if spec.default:
        rows.insert(1, ("Default", spec.default))
    lines = [f"{spec.name}\n", *(f"  {label + ':':<9}{text}\n" for label, text in rows)]
    prose = " ".join(filter(None, (spec.doc, state(spec))))
    return "".join(lines) + textwrap.indent(textwrap.fill(prose, WIDTH - 2), "  ") + "\n"


def described(spec: Spec) -> str:
    """One directive as a section of the page."""
    lines = [f"\n### {spec.name}\n", spec.doc + (f" *{state(spec)}*" if state(spec) else ""), ""]
    lines.append(f"- Syntax: `{syntax(spec)}`")
    if spec.default:
        lines.append(f"- Default: `{spec.default}`")
    lines.append(f"- Context: {contexts(spec)}")
    lines.append(f"- Since: {since(spec)}")
    if spec.repeatable:
        lines.append("- May be repeated.")
    return "\n".join(lines) + "\n"


def syntax(spec: Spec) -> str:
    """The directive as it is written."""
    head = f"{spec.name} {spec.syntax}".rstrip()
    return f"{head} {{ ... }}" if spec.block else f"{head};"


def contexts(spec: Spec) -> str:
    """Where it may stand."""
    return ", ".join(sorted(spec.contexts))


def since(spec: Spec) -> str:
    """Where it comes from."""
    return "Penstock's own" if spec.since == "penstock" else f"nginx {spec.since}"


def state(spec: Spec) -> str:
    """What is to be known before one uses it; empty for a directive that simply works."""
    if spec.status == "planned":
        return "Not in this version."
    return "Without effect." if spec.meaningless else ""


def in_order(specs: Iterable[Spec]) -> list[Spec]:
    """By name, then by context."""
    return sorted(specs, key=lambda spec: (spec.name, sorted(spec.contexts)))


if __name__ == "__main__":
    sys.stdout.write(reference())
