"""What a plugin's configuration may say, as data, and a configuration held against that.

A description is made from the plugin's `Config` where its code is, in a worker. It is JSON, in the words of Kong's
schemas, so that the master can check an Admin API's request and show the schema without ever having imported the code.

    {"name", "version", "priority", "phases", "doc", "fields": {name: field}, "checks": [{rule: [field…]}]}
    field: {"type", "required", "default"?, "format"?, "one_of"?, "between"?, "len_min"?, "match"?, "secret"?, "doc"?,
            "elements"? | "values"? | "fields"? + "checks"?}
"""

from __future__ import annotations

import dataclasses
import inspect
import re
import types
from collections.abc import Callable, Mapping
from ipaddress import ip_network
from typing import Annotated, Any, Final, Literal, Union, get_args, get_origin, get_type_hints

from .plugin import Plugin, hooks_of
from .plugin_fields import METADATA, Check, Format

Description = Mapping[str, Any]
Errors = dict[str, Any]
"""By field: a text, for a list what is wrong with each element (None where nothing is), for a record an Errors."""

SIMPLE: Final[Mapping[type, str]] = {str: "string", int: "integer", float: "number", bool: "boolean"}
FORMATS: Final[Mapping[str, str]] = {"network": "string", "seconds": "number"}
"""The types of formats whose Python type does not tell."""
PORTS: Final = (1, 65535)
ENTITY: Final = "@entity"
"""Where the errors of rules between fields are, as in Kong's bodies."""
ELEMENT_LIMITS: Final = ("one_of", "between", "match")
"""The limits of a list that hold for each element."""
HOST: Final = re.compile(r"(?!-)[A-Za-z0-9_.-]{1,253}|\[?[0-9A-Fa-f:.]+\]?|unix:.+")


class BadConfigClass(TypeError):
    """A `Config` says something that a configuration cannot hold: a mistake in the plugin."""


# From a class to its description.


def describe(kind: type[Plugin], name: str) -> Description:
    """The description of a plugin; raises BadConfigClass."""
    return {
        "name": name,
        "version": kind.version,
        "priority": kind.priority,
        "phases": list(hooks_of(kind)),
        "doc": inspect.cleandoc(kind.__doc__ or ""),
        "fields": _fields(kind.Config, vars(kind)),
        "checks": [{check.rule: list(check.fields)} for check in kind.checks],
        **({"file_only": True} if kind.file_only else {}),
    }


def hints_of(config: type, names: Mapping[str, Any]) -> Mapping[str, Any]:
    """The types of a configuration's fields; `names` are those of the class around it. Raises BadConfigClass."""
    if not dataclasses.is_dataclass(config):
        raise BadConfigClass(f"{config.__qualname__} is not a dataclass")
    try:
        return get_type_hints(config, localns=dict(names), include_extras=True)
    except NameError as error:
        raise BadConfigClass(f"{config.__qualname__}: {error}") from None


def _fields(config: type, names: Mapping[str, Any]) -> dict[str, Any]:
    hints = hints_of(config, names)
    return {
        field.name: _field(field, hints[field.name], names, f"{config.__qualname__}.{field.name}")
        for field in dataclasses.fields(config)
    }


def _field(field: dataclasses.Field[Any], hint: Any, names: Mapping[str, Any], place: str) -> dict[str, Any]:
    inner, optional = without_none(hint)
    found = _type(inner, names, place)
    limits = dict(field.metadata.get(METADATA, {}))
    if found["type"] in ("array", "set"):
        element = {limit: limits.pop(limit) for limit in ELEMENT_LIMITS if limit in limits}
        found["elements"] = {**found["elements"], **element}
    default = field.default
    if field.default_factory is not dataclasses.MISSING:
        default = field.default_factory()
    found |= limits
    found["required"] = not optional
    if default is not dataclasses.MISSING:
        found["default"] = plain(default)
    elif optional:
        found["default"] = None
    return found


def without_none(hint: Any) -> tuple[Any, bool]:
    """A type without `None`, and whether that was part of it."""
    if get_origin(hint) in (Union, types.UnionType):
        others = [each for each in get_args(hint) if each is not type(None)]
        if len(others) == 1 and len(others) < len(get_args(hint)):
            return others[0], True
    return hint, False


def _type(hint: Any, names: Mapping[str, Any], place: str) -> dict[str, Any]:
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Annotated:
        mark = next((each for each in arguments[1:] if isinstance(each, Format)), None)
        if mark is None:
            return _type(arguments[0], names, place)
        return {"type": FORMATS.get(mark.name) or SIMPLE[arguments[0]], "format": mark.name}
    if hint in SIMPLE:
        return {"type": SIMPLE[hint]}
    if origin is Literal:
        return {"type": SIMPLE[type(arguments[0])], "one_of": list(arguments)}
    if origin is tuple and len(arguments) == 2 and arguments[1] is Ellipsis:
        return {"type": "array", "elements": _type(arguments[0], names, place)}
    if origin is frozenset:
        return {"type": "set", "elements": _type(arguments[0], names, place)}
    if origin is Mapping and arguments[0] is str:
        return {"type": "map", "values": _type(arguments[1], names, place)}
    if isinstance(hint, type) and dataclasses.is_dataclass(hint):
        checks = getattr(hint, "checks", ())
        rules = [{each.rule: list(each.fields)} for each in checks if isinstance(each, Check)]
        return {"type": "record", "fields": _fields(hint, names), "checks": rules}
    raise BadConfigClass(f"{place}: {hint!r} is no type of a plugin's field")


def plain(value: Any) -> Any:
    """A value of a `Config` as JSON."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, tuple | list | frozenset | set):
        return [plain(each) for each in value]
    if isinstance(value, Mapping):
        return {str(key): plain(each) for key, each in value.items()}
    return value if value is None or isinstance(value, str | int | float | bool) else str(value)


# A configuration held against a description.


def check(description: Description, raw: Mapping[str, Any]) -> tuple[dict[str, Any], Errors]:
    """The configuration with defaults filled in, and what is wrong with it: empty when nothing is."""
    return _record(description, raw)


def _record(record: Description, raw: Mapping[str, Any]) -> tuple[dict[str, Any], Errors]:
    errors: Errors = {}
    complete: dict[str, Any] = {}
    for name, field in record["fields"].items():
        value = raw.get(name)
        if value is None:
            complete[name] = None if name in raw and not field["required"] else field.get("default")
            if complete[name] is None and field["required"]:
                errors[name] = "required field missing"
            continue
        complete[name], wrong = _value(field, value)
        if wrong:
            errors[name] = wrong
    errors |= {name: "unknown field" for name in raw if name not in record["fields"]}
    texts = [text for rule in record["checks"] for text in _broken(rule, complete)]
    if texts and not errors:
        errors[ENTITY] = texts
    return complete, errors


def _value(field: Description, value: Any) -> tuple[Any, Any]:
    """A value with its defaults, and what is wrong with it or something false."""
    kind = field["type"]
    if kind == "record":
        return _record(field, value) if isinstance(value, Mapping) else (value, "expected a record")
    if kind == "map":
        return _map(field, value)
    if kind in ("array", "set"):
        return _list(field, value, kind)
    return value, _scalar(field, value)


def _list(field: Description, value: Any, kind: str) -> tuple[Any, Any]:
    if not isinstance(value, list | tuple):
        return value, f"expected {'an array' if kind == 'array' else 'a set'}"
    if len(value) < field.get("len_min", 0):
        return value, f"length must be at least {field['len_min']}"
    pairs = [_value(field["elements"], each) for each in value]
    elements = [each for each, _ in pairs]
    if kind == "set":
        elements = list(dict.fromkeys(elements)) if not any(wrong for _, wrong in pairs) else elements
    wrong = [each or None for _, each in pairs]
    return elements, wrong if any(wrong) else None


def _map(field: Description, value: Any) -> tuple[Any, Any]:
    if not isinstance(value, Mapping):
        return value, "expected a map"
    pairs = {str(key): _value(field["values"], each) for key, each in value.items()}
    return {key: each for key, (each, _) in pairs.items()}, {key: wrong for key, (_, wrong) in pairs.items() if wrong}


def _scalar(field: Description, value: Any) -> str:
    kind = field["type"]
    if kind == "string" and not isinstance(value, str):
        return "expected a string"
    if kind == "boolean" and not isinstance(value, bool):
        return "expected a boolean"
    if kind in ("integer", "number"):
        whole = isinstance(value, int) or (isinstance(value, float) and value.is_integer())
        if isinstance(value, bool) or not isinstance(value, int | float) or (kind == "integer" and not whole):
            return "expected an integer" if kind == "integer" else "expected a number"
    return _limits(field, value) or _format(field.get("format", ""), value)


def _limits(field: Description, value: Any) -> str:
    if "one_of" in field and value not in field["one_of"]:
        return f"expected one of: {', '.join(map(str, field['one_of']))}"
    low, high = field.get("between") or (PORTS if field.get("format") == "port" else (None, None))
    if low is not None and not low <= value <= high:
        return f"value should be between {low} and {high}"
    if isinstance(value, str):
        least = field.get("len_min", 0 if field.get("default") == "" else 1)  # Kong's texts are never empty
        if len(value) < least:
            return f"length must be at least {least}"
        if "match" in field and not re.fullmatch(field["match"], value):
            return f"invalid value: {value}"
    return ""


def _format(name: str, value: Any) -> str:
    test = TESTS.get(name)
    return test(value) if test is not None else ""


def _network(value: str) -> str:
    try:
        ip_network(value, strict=False)
    except ValueError:
        return f"invalid ip or cidr range: '{value}'"
    return ""


TESTS: Final[Mapping[str, Callable[[Any], str]]] = {
    "network": _network,
    "host": lambda value: "" if HOST.fullmatch(value) else f"invalid value: {value}",
    "seconds": lambda value: "" if value >= 0 else "value must not be negative",
    "milliseconds": lambda value: "" if 0 <= value <= 2**31 - 2 else "value should be between 0 and 2147483646",
    "size": lambda value: "" if value >= 0 else "value must not be negative",
}


def _broken(rule: Mapping[str, list[str]], config: Mapping[str, Any]) -> list[str]:
    texts = []
    for name, fields in rule.items():
        filled = [each for each in fields if config.get(each) not in (None, [], {}, "")]
        listed = ", ".join(f"'{each}'" for each in fields)
        if name == "at_least_one_of" and not filled:
            texts.append(f"at least one of these fields must be non-empty: {listed}")
        elif name == "only_one_of" and len(filled) != 1:
            texts.append(f"exactly one of these fields must be non-empty: {listed}")
        elif name == "mutually_required" and filled and len(filled) < len(fields):
            texts.append(f"all or none of these fields must be set: {listed}")
    return texts
