"""`penstock migrations`: the schema of the store, brought up to date by hand.

The embedded SQLite needs none of it: its schema is brought up to date when it is opened.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable
from typing import Final

from ...shared.errors import ConfigError, StartError
from ...shared.model.operations import Database
from ..launch import Launch
from ..speech import explanation
from . import postgres, sqlite
from .base import NotReady, StoreError
from .migrations import NEWEST

Printer = Callable[[str], object]
NEEDS_BOOTSTRAP: Final = 3
NEW_STEPS: Final = 5
"""Exit statuses of `list`, as Kong's."""


def bootstrap(launch: Launch, say: Printer) -> int:
    """Make the schema of an empty database."""
    return _on_postgres(launch, say, _bootstrap)


def up(launch: Launch, say: Printer) -> int:
    """Run the steps that are due."""
    return _on_postgres(launch, say, _up)


def finish(launch: Launch, say: Printer) -> int:
    """Steps have no second half here, so what `up` does is all."""
    return up(launch, say)


def listing(launch: Launch, say: Printer) -> int:
    """What was run and what is due: 0 up to date, 3 nothing was run yet, 5 there are new steps."""
    return _on_postgres(launch, say, _list)


status = listing


def reset(launch: Launch, say: Printer, sure: bool) -> int:
    """Drop everything that is stored."""
    if not sure:
        print("Error: this deletes everything that is stored; say --yes", file=sys.stderr)
        return 1
    database = _database(launch)
    if isinstance(database, int):
        return database
    try:
        if database.kind == "sqlite" and os.path.exists(database.target):
            sqlite.reset(database.target)
        elif database.kind == "postgres":
            asyncio.run(postgres.reset(database.target))
    except StoreError as error:
        return _failed(str(error))
    say("Database reset")
    return 0


def _on_postgres(launch: Launch, say: Printer, do: Callable[[str, Printer], int]) -> int:
    database = _database(launch)
    if isinstance(database, int):
        return database
    if database.kind != "postgres":
        what = f'SQLite in "{database.target}"' if database.kind == "sqlite" else "no database"
        say(f"Nothing to do: the store is {what}, which needs no migrations")
        return 0
    try:
        return do(database.target, say)
    except StoreError as error:
        return _failed(str(error))


def _database(launch: Launch) -> Database | int:
    try:
        database = launch.load().main.admin.database
    except (ConfigError, StartError) as error:
        return _failed(explanation(error))
    if database.kind == "off":
        return Database("sqlite", os.path.join(launch.prefix, "penstock.db"))  # what `admin_listen` alone would use
    return database


def _bootstrap(target: str, say: Printer) -> int:
    if asyncio.run(_schema(target)):
        say("Database already bootstrapped")
        return 0
    say("Bootstrapping database...")
    steps = asyncio.run(postgres.migrate(target))
    say(f"{len(steps)} migrations processed" if len(steps) != 1 else "1 migration processed")
    say("Database is up-to-date")
    return 0


def _up(target: str, say: Printer) -> int:
    if not asyncio.run(_schema(target)):
        return _failed('database needs bootstrapping; run "penstock migrations bootstrap"')
    steps = asyncio.run(postgres.migrate(target))
    if steps:
        say(f"{len(steps)} migrations processed" if len(steps) != 1 else "1 migration processed")
    say("Database is up-to-date")
    return 0


def _list(target: str, say: Printer) -> int:
    done = asyncio.run(_schema(target))
    if not done:
        say('Database needs bootstrapping; run "penstock migrations bootstrap"')
        return NEEDS_BOOTSTRAP
    say(f"Executed migrations: {', '.join(map(str, range(1, min(done, NEWEST) + 1)))}")
    if done < NEWEST:
        say(f"New migrations available: {', '.join(map(str, range(done + 1, NEWEST + 1)))}")
        return NEW_STEPS
    if done > NEWEST:
        raise NotReady(f"the PostgreSQL database has schema {done}, and this program knows no later one than {NEWEST}")
    return 0


async def _schema(target: str) -> int:
    connection = await postgres.connect(target)
    try:
        return await postgres.schema_of(connection)
    finally:
        await connection.close()


def _failed(text: str) -> int:
    print(f"Error: {text}", file=sys.stderr)
    return 1
