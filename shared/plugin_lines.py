"""A plugin's block in nginx's language as the JSON that the plugin's description asks for, and its mistakes by line.

allow 10.0.0.0/8 192.0.2.1;     a list: words, and further lines of the name add to it
status 403;   timeout 10s;      one value; times, sizes and switches as everywhere in the language
queue { max_entries 1000; }     a record; a map is written the same way, with names of one's own
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from .conf import values
from .conf.report import one_line
from .conf.suggest import nearest
from .conf.tree import Word
from .errors import ConfigError
from .model.plugin import Field, FieldText, PluginUse
from .model.where import Where
from .plugin_schema import ENTITY, Description, Errors, check

Path = tuple[str, ...]
LISTS: Final = ("array", "set")
TRUTH: Final = {"true": True, "false": False}


def read(description: Description, use: PluginUse) -> dict[str, Any]:
    """The complete configuration of a plugin's use; raises ConfigError at the line that is wrong."""
    places: dict[Path, Where] = {}
    raw = dict(use.config) if use.config is not None else _record(description, use.fields, (), places)
    complete, errors = check(description, raw)
    if errors:
        raise first_error(use, errors, places)
    return complete


def first_error(use: PluginUse, errors: Errors, places: Mapping[Path, Where]) -> ConfigError:
    """The first mistake that a check found, at the line that wrote it."""
    path: Path = ()
    found: Any = errors
    while not isinstance(found, str):
        if isinstance(found, Mapping):
            name, found = next(iter(found.items()))
            path = path if name == ENTITY else (*path, name)
        else:
            number = next(index for index, each in enumerate(found) if each)
            path, found = (*path, str(number)), found[number]
    shown = [name for name in path if not name.isdecimal()]
    where = next((places[path[:end]] for end in range(len(path), 0, -1) if path[:end] in places), use.where)
    return mistake(use, ".".join(shown), found, where)


def mistake(use: PluginUse, field: str, text: str, where: Where, hint: str = "") -> ConfigError:
    """A mistake in a plugin's configuration, as a whole sentence."""
    said = f"{field}: {text}" if field else text
    return ConfigError(f'plugin "{use.name}": {said}', where, hint)


def _record(record: Description, lines: tuple[Field, ...], path: Path, places: dict[Path, Where]) -> dict[str, Any]:
    raw: dict[str, Any] = {}
    for line in lines:
        here = (*path, line.name)
        field = record["fields"].get(line.name)
        if field is None:
            near = nearest(line.name, record["fields"])
            hint = f'did you mean "{near}"?' if near else "its fields: " + (", ".join(record["fields"]) or "none")
            raise ConfigError(f'unknown field "{".".join(here)}"', line.where, hint)
        if line.name in raw and field["type"] not in LISTS:
            raise ConfigError(f'"{".".join(here)}" is given twice', line.where, f"first at {places[here]}")
        places.setdefault(here, line.where)
        value = _value(field, line, here, places)
        raw[line.name] = [*raw.get(line.name, ()), *value] if field["type"] in LISTS else value
    return raw


def _value(field: Description, line: Field, path: Path, places: dict[Path, Where]) -> Any:
    kind = field["type"]
    if kind == "record":
        return _record(field, _block(line, path), path, places)
    if kind == "map":
        return {each.name: _value(field["values"], each, (*path, each.name), places) for each in _block(line, path)}
    if kind in LISTS and field["elements"]["type"] == "record":
        return [_record(field["elements"], _block(line, path), path, places)]
    if line.block is not None:
        raise ConfigError(f'"{".".join(path)}" is a value and not a block', line.where)
    if kind in LISTS:
        if not line.words:
            raise ConfigError(f'"{".".join(path)}" has no value', line.where)
        return [_scalar(field["elements"], word, path) for word in line.words]
    if len(line.words) != 1:
        raise ConfigError(f'"{".".join(path)}" takes one value', line.where)
    return _scalar(field, line.words[0], path)


def _block(line: Field, path: Path) -> tuple[Field, ...]:
    if line.block is None:
        raise ConfigError(f'"{".".join(path)}" is a block', line.where, f"expected: {path[-1]} {{ ... }}")
    return line.block


def _scalar(field: Description, written: FieldText, path: Path) -> Any:
    """A word as the JSON value of its type; what remains wrong with the value is for the check to say."""
    word = Word(written.text, written.where, written.quoted)
    name = ".".join(path)
    form = field.get("format")
    kind = field["type"]
    if form == "seconds":
        return values.time(word, name)
    if form == "milliseconds":
        return round(values.kong_time(word, name) * 1000)
    if form == "size":
        return values.size(word, name)
    if kind == "boolean":
        return TRUTH[word.text.lower()] if word.text.lower() in TRUTH else values.flag(word, name)
    if kind in ("integer", "number"):
        try:
            return int(word.text) if kind == "integer" else float(word.text)
        except ValueError:
            expected = "a whole number" if kind == "integer" else "a number"
            raise ConfigError(f'"{name}" invalid number "{word.text}"', word.where, f"expected {expected}") from None
    if "one_of" in field and word.text not in field["one_of"]:
        return values.enum(word, field["one_of"], name)
    return word.text


def unknown_plugin(use: PluginUse, known: Iterable[str]) -> ConfigError:
    """A plugin that nobody has."""
    names = sorted(known)
    near = nearest(use.name, names)
    hint = f'did you mean "{near}"?' if near else "plugins are: " + ", ".join(names)
    return ConfigError(f'unknown plugin "{use.name}"', use.where, hint)


def sentence(error: ConfigError) -> str:
    """A mistake as one line, its place and what would help included."""
    return one_line(error) + (f" ({error.hint})" if error.hint else "")
