"""Finding plugins, and importing those that are wanted.

Three places have some: the package `worker.plugins`, the entry points `penstock.plugins` of installed distributions,
and the folders of `plugin_path`. A name may come from one of them only. Of the first two, what nobody uses is not
imported; a folder was named by somebody who means all of it.
"""

from __future__ import annotations

import importlib
import os
import pkgutil
import sys
import traceback
from collections.abc import Callable, Iterator
from functools import partial
from types import ModuleType
from typing import Final, NamedTuple

from ...shared.errors import StartError
from ...shared.model.plugin import PluginPath
from ...shared.model.where import NOWHERE, Where
from ...shared.plugin import Plugin
from ...shared.plugin_schema import BadConfigClass, Description, describe
from .. import plugins

GROUP: Final = "penstock.plugins"
FOLDER: Final = "penstock_plugin_path_{}"
"""The package that the modules of a folder belong to, so that they may import each other and shadow nobody."""


class Found(NamedTuple):
    """A plugin that could be imported."""

    origin: str
    """Where it comes from, for errors."""
    load: Callable[[], type[Plugin]]


class Library:
    """The plugins of one worker; raises StartError with a sentence that names the plugin and its place."""

    def __init__(self, paths: tuple[PluginPath, ...]) -> None:
        self._found: dict[str, Found] = {}
        self._kinds: dict[str, type[Plugin]] = {}
        self._descriptions: dict[str, Description] = {}
        for name, found, where in (*built_in(), *installed(), *in_folders(paths)):
            known = self._found.get(name)
            if known is not None:
                raise StartError(placed(f'plugin "{name}" is in {known.origin} and in {found.origin}', where))
            self._found[name] = found

    def names(self) -> tuple[str, ...]:
        """Every plugin there is."""
        return tuple(sorted(self._found))

    def kind(self, name: str, where: Where = NOWHERE) -> type[Plugin]:
        """A plugin's class, imported when it is first asked for; raises StartError. The name must be known."""
        kind = self._kinds.get(name)
        if kind is None:
            found = self._found[name]
            try:
                kind = found.load()
                self._descriptions[name] = describe(kind, name)
            except StartError:
                raise
            except BadConfigClass as error:
                raise StartError(placed(f'plugin "{name}": {error}', where)) from None
            except (Exception, SystemExit) as error:
                raise StartError(placed(f'plugin "{name}" cannot be imported: {reason(error)}', where)) from error
            self._kinds[name] = kind
        return kind

    def imported(self, name: str) -> bool:
        """Whether a plugin's class is known by now."""
        return name in self._kinds

    def description(self, name: str) -> Description:
        """What a plugin's configuration may say."""
        self.kind(name)
        return self._descriptions[name]


Entry = tuple[str, Found, Where]


def built_in() -> Iterator[Entry]:
    """Those that come with Penstock."""
    for module in pkgutil.iter_modules(plugins.__path__):
        name = module.name.replace("_", "-")

        def load(path: str = f"{plugins.__name__}.{module.name}", name: str = name) -> type[Plugin]:
            return only_plugin(importlib.import_module(path), name)

        yield name, Found("Penstock", load), NOWHERE


def installed() -> Iterator[Entry]:
    """Those of other distributions."""
    from importlib.metadata import entry_points  # takes 20 ms: who has no plugins does not wait for it

    for entry in entry_points(group=GROUP):

        def load(entry: object = entry, name: str = entry.name) -> type[Plugin]:
            what = entry.load()  # type: ignore[attr-defined]  # an EntryPoint, bound early
            if isinstance(what, type) and issubclass(what, Plugin):
                return what
            if isinstance(what, ModuleType):
                return only_plugin(what, name)
            raise TypeError(f"{entry} leads to no Plugin class")

        origin = f'distribution "{entry.dist.name}"' if entry.dist is not None else "an entry point"
        yield entry.name, Found(origin, load), NOWHERE


def in_folders(paths: tuple[PluginPath, ...]) -> Iterator[Entry]:
    """Those of `plugin_path`: their names are known only once they are imported, which happens here."""
    for number, folder in enumerate(paths):
        try:
            names = sorted(os.listdir(folder.path))
        except OSError as error:
            text = f'plugin_path "{folder.path}" cannot be read ({error.errno}: {error.strerror})'
            raise StartError(placed(text, folder.where)) from error
        package = FOLDER.format(number)
        for stale in [name for name in sys.modules if name.startswith(f"{package}.")]:
            del sys.modules[stale]
        sys.modules[package] = made = ModuleType(package)
        made.__path__ = [folder.path]
        for file in names:
            path = os.path.join(folder.path, file)
            stem = file.removesuffix(".py")
            is_module = file.endswith(".py") or os.path.exists(os.path.join(path, "__init__.py"))
            if not is_module or file.startswith(("_", ".")):
                continue
            kinds = plugin_classes(imported(f"{package}.{stem}", path, folder))
            if not kinds:
                text = f'"{path}" has no Plugin class; a module that is no plugin begins with "_"'
                raise StartError(placed(text, folder.where))
            for kind in kinds:
                if not kind.name and len(kinds) > 1:
                    raise StartError(placed(f'"{path}": {kind.__name__} needs a name of its own', folder.where))
                yield kind.name or stem.replace("_", "-"), Found(f'"{path}"', partial(itself, kind)), folder.where


def itself(kind: type[Plugin]) -> type[Plugin]:
    """A class that is imported already."""
    return kind


def imported(name: str, path: str, folder: PluginPath) -> ModuleType:
    """A module of a folder, always compiled anew: who edits it and reloads must not meet what was there before."""
    importlib.invalidate_caches()
    before, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    try:
        return importlib.import_module(name)
    except (Exception, SystemExit) as error:
        raise StartError(placed(f'plugin "{path}" cannot be imported: {reason(error)}', folder.where)) from error
    finally:
        sys.dont_write_bytecode = before


def plugin_classes(module: ModuleType) -> list[type[Plugin]]:
    """The plugins that a module, or something in a package, defines."""
    inside = f"{module.__name__}."
    kinds = [each for each in vars(module).values() if isinstance(each, type) and issubclass(each, Plugin)]
    return [
        kind
        for kind in dict.fromkeys(kinds)
        if f"{kind.__module__}.".startswith(inside) and not kind.__name__.startswith("_")
    ]


def only_plugin(module: ModuleType, name: str) -> type[Plugin]:
    """The plugin of a module that is to have one."""
    kinds = plugin_classes(module)
    chosen = [kind for kind in kinds if kind.name == name] or kinds
    if len(chosen) != 1:
        raise TypeError(f"{module.__name__} has {len(kinds)} Plugin classes")
    return chosen[0]


def reason(error: BaseException) -> str:
    """An exception with the place that raised it; a SyntaxError tells its own."""
    text = f"{type(error).__name__}: {error}"
    every = traceback.extract_tb(error.__traceback__)
    frames = [frame for frame in every if "importlib" not in frame.filename and frame.filename != __file__]
    if frames and not isinstance(error, SyntaxError):
        text += f" at {frames[-1].filename}:{frames[-1].lineno}"
    return text


def placed(text: str, where: Where) -> str:
    """A sentence with its place in the configuration, where it has one."""
    return text if where == NOWHERE else f"{text} in {where}"
