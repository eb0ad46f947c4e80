"""`split_clients`: lines of percentages and values."""

from __future__ import annotations

import re
from typing import Final

from ...errors import ConfigError
from ...split_clients import WHOLE, Shares
from ..tree import Directive
from .context import Context

PERCENT: Final = re.compile(r"(?=[0-9.])([0-9]*)(?:\.([0-9]{0,2}))?%", re.ASCII)
"""Up to two decimals."""
REST: Final = "*"


def build_shares(directive: Directive, name: str, context: Context) -> Shares:
    """The compiled `split_clients` of a variable."""
    parts: list[tuple[int | None, str]] = []
    total = 0
    for line in directive.block or ():
        percent = None if line.name == REST else percentage(line)
        total = WHOLE if percent is None else total + percent
        if total > WHOLE:
            raise ConfigError("percent total is greater than 100%", line.where)
        parts.append((percent, value_of(line)))
    return Shares(context.template(directive.words[0]), name, parts)


def percentage(line: Directive) -> int:
    """Hundredths of a percent."""
    found = PERCENT.fullmatch(line.name)
    percent = int(found[1] or "0") * 100 + int((found[2] or "").ljust(2, "0")) if found else 0
    if not found or not percent:
        raise ConfigError(f'invalid percent value "{line.name}"', line.where, "expected 0.01% to 100%, or *")
    return percent


def value_of(line: Directive) -> str:
    """The word behind the percentage; variables in it are text. nginx does not look at words behind that."""
    if not line.words:
        raise ConfigError("invalid number of the split_clients parameters", line.where, "a percentage and a value")
    return line.words[0].text
