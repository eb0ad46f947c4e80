"""`health_check` of an upstream."""

from __future__ import annotations

from typing import Any, Final

from ...errors import ConfigError
from ...model.health import HealthCheck, Probe
from ...pattern import compile_pattern
from .. import values
from ..suggest import nearest
from ..tree import Directive, Word
from .context import Context
from .scope import Scope

TIMES: Final = {"interval": "interval", "unhealthy_interval": "ill_interval", "timeout": "timeout"}
NUMBERS: Final = {"rise": "rise", "fall": "fall", "passes": "rise", "fails": "fall"}
"""nginx Plus says passes and fails."""
PASSIVE: Final = {"session_failures": "failures", "session_timeouts": "timeouts"}
KNOWN: Final = (*TIMES, *NUMBERS, *PASSIVE, "port", "tls", "send", "expect", "sni", "threshold")
LEAST_INTERVAL: Final = 0.01
MOST_SENT: Final = 4096
ESCAPES: Final = {"r": "\r", "n": "\n", "t": "\t", "0": "\0", "\\": "\\"}


def build_health(scope: Scope, context: Context) -> HealthCheck | None:
    """What the block says; None without `health_check`."""
    del context
    directive = scope.one("health_check")
    if directive is None:
        return None
    fields: dict[str, Any] = {}
    others: dict[str, Any] = {}
    for word in directive.words:
        name, _, value = word.text.partition("=")
        if name in PASSIVE:
            others[PASSIVE[name]] = values.number(Word(value, word.where), "health_check", least=1)
        elif name == "threshold":
            others[name] = percentage(word, value)
        else:
            parameter(word, fields)
    fields.setdefault("ill_interval", fields.get("interval", Probe().interval))
    check(directive, fields)
    return HealthCheck(probe=Probe(**fields), where=directive.where, **others)


def parameter(word: Word, fields: dict[str, Any]) -> None:
    """One `name=value`."""
    name, equals, value = word.text.partition("=")
    if not equals and name == "tls":
        fields["tls"] = True
        return
    if name not in KNOWN or name == "tls" or not value:
        near = nearest(name, KNOWN) if name not in KNOWN else None
        hint = f'did you mean "{near}="?' if near else f"expected one of {', '.join(KNOWN)}"
        raise ConfigError(f'invalid parameter "{word.text}"', word.where, hint)
    part = Word(unquoted(name, value, word), word.where)
    if name in TIMES:
        fields[TIMES[name]] = values.time(part, "health_check")
    elif name in NUMBERS:
        fields[NUMBERS[name]] = values.number(part, "health_check", least=1)
    elif name == "port":
        fields["port"] = values.port(part, "health_check")
    elif name == "send":
        fields["send"] = unescaped(part)
    elif name == "expect":
        fields["expect"] = expectation(part)
    else:
        fields["sni"] = value


def percentage(word: Word, value: str) -> float:
    """`threshold=PERCENT`."""
    number = values.number(Word(value.removesuffix("%"), word.where), "health_check")
    if number > 100:
        raise ConfigError(f'invalid parameter "{word.text}"', word.where, "expected 0 to 100")
    return float(number)


def unquoted(name: str, value: str, word: Word) -> str:
    """`send="…"` without its quotes, which mean nothing to nginx's language inside of a word: a space ends it."""
    sign, text = ("~", value[1:]) if name == "expect" and value.startswith("~") else ("", value)
    if name not in ("send", "expect") or text[:1] not in ("'", '"'):
        return value
    if len(text) < 2 or text[-1] != text[0]:
        raise ConfigError(f'invalid parameter "{word.text}"', word.where, f'write "{name}=…" with quotes around it all')
    return sign + text[1:-1]


def check(directive: Directive, fields: dict[str, Any]) -> None:
    """What makes no sense together."""
    for name in ("interval", "ill_interval", "timeout"):
        if fields.get(name, 1.0) < LEAST_INTERVAL:
            raise ConfigError(
                f'the {name.replace("ill_", "unhealthy_")} of "health_check" is too short', directive.where
            )
    if fields.get("sni") and not fields.get("tls"):
        raise ConfigError('"sni=" without "tls"', directive.where)


def unescaped(word: Word) -> bytes:
    """A text with \\r, \\n, \\t, \\0 and \\xNN."""
    out: list[str] = []
    text, at = word.text, 0
    while at < len(text):
        if text[at] != "\\" or at + 1 == len(text):
            out.append(text[at])
            at += 1
        elif text[at + 1] == "x":
            digits = text[at + 2 : at + 4]
            if len(digits) < 2 or not all(each in "0123456789abcdefABCDEF" for each in digits):
                raise ConfigError(f'invalid escape in "{text}"', word.where, "expected \\xNN")
            out.append(chr(int(digits, 16)))
            at += 4
        else:
            out.append(ESCAPES.get(text[at + 1], text[at + 1]))
            at += 2
    sent = "".join(out).encode("latin-1", "replace") if all(ord(each) < 256 for each in out) else "".join(out).encode()
    if len(sent) > MOST_SENT:
        raise ConfigError(f'"send=" of more than {MOST_SENT} bytes', word.where)
    return sent


def expectation(word: Word) -> str:
    """`~REGEX`, or a text that is to be in the answer."""
    text = word.text
    if not text.startswith("~"):
        return "\\Q" + text + "\\E"
    try:
        compile_pattern(text[1:])
    except ValueError as error:
        raise ConfigError(str(error), word.where) from None
    return text[1:]
