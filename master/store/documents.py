"""Declarative files and the store: checked, put in, written out, compared.

The store is written as the Admin API writes it, so that a server that runs hears of it and follows at once.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from ...shared.conf.builders.admin import STORE
from ...shared.entities.catalog import Catalog
from ...shared.entities.changes import Change
from ...shared.entities.declarative import Declared, declare, diff, document_of
from ...shared.entities.file_records import file_records
from ...shared.entities.kinds import SCHEMAS
from ...shared.entities.schema import thawed
from ...shared.entities.violation import Violation
from ...shared.entities.yaml_text import parse, text_of
from ...shared.errors import ConfigError, StartError
from ...shared.model.operations import Database
from ...shared.model.stream import Configuration
from ...shared.plugin_schema import Description
from ..declared_file import mistakes, read_text
from ..launch import Launch
from ..plugin_trial import descriptions
from ..speech import explanation
from .base import NotReady, Stale, Store, StoreError, Write
from .opening import store_of

Printer = Callable[[str], object]
DIFFERENT: Final = 2
"""The exit status of `diff` where there are changes."""
ATTEMPTS: Final = 5
"""How often an import is begun anew while others write."""
SECRET: Final = frozenset({"key", "key_alt"})


class Wrong(Exception):
    """A file with mistakes."""

    def __init__(self, violation: Violation) -> None:
        super().__init__(violation.message)
        self.violation = violation


def check(launch: Launch, say: Printer, file: str) -> int:
    """`parse`; the exit status."""

    def work() -> int:
        desk = Desk(launch)
        desk.declared(file)
        say("parse successful")
        return 0

    return guarded(work)


def put(launch: Launch, say: Printer, file: str) -> int:
    """`import`; the exit status."""

    async def work(desk: Desk, store: Store) -> int:
        for _ in range(ATTEMPTS):
            catalog, version = await desk.stored(store)
            changes = diff(catalog, desk.declared(file, catalog))
            if not changes:
                say("import successful: nothing changed")
                return 0
            try:
                await store.write([Write(each.kind, each.id, each.after) for each in changes], version)
            except Stale:
                continue
            say(f"import successful: {counted(changes)}")
            return 0
        raise StoreError("others keep writing to the database; try again")

    return guarded(lambda: with_store(launch, work))


def get(launch: Launch, say: Printer, file: str | None) -> int:
    """`export`; the exit status."""

    async def work(desk: Desk, store: Store) -> int:
        catalog, _ = await desk.stored(store)
        text = text_of(document_of(catalog))
        if file is None:
            say(text.removesuffix("\n"))
            return 0
        write_secret(file, text)
        say("export successful")
        return 0

    return guarded(lambda: with_store(launch, work))


def compare(launch: Launch, say: Printer, file: str) -> int:
    """`diff`; the exit status."""

    async def work(desk: Desk, store: Store) -> int:
        catalog, _ = await desk.stored(store)
        changes = diff(catalog, desk.declared(file, catalog))
        for line in shown(changes):
            say(line)
        say(counted(changes) if changes else "no changes")
        return DIFFERENT if changes else 0

    return guarded(lambda: with_store(launch, work))


class Desk:
    """A configuration, with what its plugins and its own entities add to the rules."""

    def __init__(self, launch: Launch) -> None:
        self.configuration: Configuration = launch.load()
        self._known: dict[str, Description] = {}

    def description(self, name: str) -> Description | None:
        """Of a plugin; a child is asked when the first is wanted."""
        if not self._known:
            self._known = descriptions(self.configuration)
        return self._known.get(name)

    def declared(self, file: str, known: Catalog | None = None) -> Declared:
        """What a file declares; raises Wrong, StartError."""
        text = read_text(file)
        written = file_records(self.configuration.stream, self.description, int(time.time()))
        try:
            return declare(parse(text), time.time, self.description, written, known)
        except Violation as violation:
            raise Wrong(violation) from violation

    async def stored(self, store: Store) -> tuple[Catalog, int]:
        """What the store holds, and its version."""
        loaded = await store.load()
        catalog = Catalog(time.time, self.description)
        catalog.load(loaded.documents)
        return catalog, loaded.version


def with_store(launch: Launch, work: Callable[[Desk, Store], Awaitable[int]]) -> int:
    """Open the configuration's store for some work; raises StartError, StoreError."""
    desk = Desk(launch)
    store = store_of(database_of(desk.configuration))
    if store is None:
        text = '"database off" keeps nothing: use "declarative_config FILE;" or POST /config of the server that runs'
        raise StartError(text)

    async def whole() -> int:
        await store.open()
        try:
            return await work(desk, store)
        finally:
            await store.close()

    return asyncio.run(whole())


def database_of(configuration: Configuration) -> Database:
    """Where entities are kept; where nothing is said of it, where `admin_listen` alone would keep them."""
    database = configuration.main.admin.database
    if database.kind == "off" and not database.where.line and not configuration.main.admin.declarative:
        return Database("sqlite", os.path.join(configuration.prefix, STORE))
    return database


def guarded(work: Callable[[], int]) -> int:
    """Do it and tell what went wrong; the exit status."""
    try:
        return work()
    except Wrong as wrong:
        print("Error: Failed parsing:", file=sys.stderr)
        for line in mistakes(wrong.violation):
            print(f"  {line}", file=sys.stderr)
    except (ConfigError, StartError) as error:
        print(f"Error: {explanation(error)}", file=sys.stderr)
    except NotReady as error:
        print(f"Error: {error}", file=sys.stderr)
    except (StoreError, Violation) as error:
        print(f"Error: {error}", file=sys.stderr)
    except OSError as error:
        print(f'Error: "{error.filename}": {error.strerror}', file=sys.stderr)
    return 1


def write_secret(file: str, text: str) -> None:
    """Write a file that nobody else may read: private keys are in it."""
    path = Path(file)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with open(descriptor, "w", encoding="utf-8") as out:
        out.write(text)


# What people read of changes.


def counted(changes: tuple[Change, ...]) -> str:
    """`2 created, 1 changed`."""
    made = sum(each.before is None for each in changes)
    gone = sum(each.after is None for each in changes)
    numbers = ((made, "created"), (len(changes) - made - gone, "changed"), (gone, "deleted"))
    return ", ".join(f"{number} {word}" for number, word in numbers if number)


def shown(changes: tuple[Change, ...]) -> Iterator[str]:
    """A line for each entity that changes, and below it one for each field."""
    for change in changes:
        before, after = change.before, change.after
        record = after if after is not None else before
        assert record is not None
        sign = "+" if before is None else "-" if after is None else "~"
        yield f"{sign} {change.kind} {label(change.kind, record)}"
        if before is not None and after is not None:
            yield from fields(before, after)


def fields(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[str]:
    """The fields that differ; of secrets nothing but that."""
    for name in after:
        if name != "updated_at" and before.get(name) != after[name]:
            what = "changed" if name in SECRET else f"{value(before.get(name))} -> {value(after[name])}"
            yield f"    {name}: {what}"


def value(field: Any) -> str:
    """A field's value on one line."""
    return json.dumps(thawed(field), ensure_ascii=False)


def label(kind: str, record: Mapping[str, Any]) -> str:
    """What an entity is called."""
    key = SCHEMAS[kind].endpoint_key
    name = record.get("target") or (record.get(key) if key is not None else None) or record.get("name")
    return f"{name} ({record['id']})" if name else str(record["id"])
