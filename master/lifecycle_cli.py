"""The command line of `lifecycle`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import update_wrapper
from typing import Any, Final

import click

from ..shared.version import __version__
from .launch import Launch, launch_of


def say(text: str) -> None:
    """Good news go to the standard output, as Kong's do."""
    click.echo(text)


def placed(launch: Launch, prefix: str | None, file: str | None) -> Launch:
    """The launch, with `-p` and `-c` also where they stand after the command."""
    if prefix is None and file is None:
        return launch
    given = launch_of(prefix, file, launch.globals_text, launch.error_log, launch.quiet, ())
    return replace(given, title=launch.title)


def on_launch(function: Callable[..., int]) -> Callable[..., int]:
    """Options `-p` and `-c` after a command, too; the function gets the launch that they make."""

    @click.option("-p", "--prefix", metavar="DIR", help="The prefix path.")
    @click.option("-c", "--conf", "file", metavar="FILE", help="The configuration file.")
    @click.pass_obj
    def run(launch: Launch, /, prefix: str | None, file: str | None, **rest: Any) -> int:
        return function(placed(launch, prefix, file), **rest)

    return update_wrapper(run, function)


@click.command("start", help="Begin to serve in the background.")
@click.option("--run-migrations", is_flag=True, help="Bring the database's schema up to date first.")
@on_launch
def start(launch: Launch, run_migrations: bool) -> int:
    """`penstock start`."""
    from .lifecycle import located
    from .lifecycle import start as begin

    if run_migrations:
        from .store.migrating import up

        if status := up(located(launch), say):
            return status
    return begin(launch, say)


@click.command("stop", help="End at once.")
@on_launch
def stop(launch: Launch) -> int:
    """`penstock stop`."""
    from .lifecycle import stop as end

    return end(launch, say)


@click.command("quit", help="Let sessions end, then end.")
@click.option("-t", "--timeout", type=click.FloatRange(min=0), default=10.0, show_default=True, help="Seconds.")
@click.option("-w", "--wait", type=click.FloatRange(min=0), default=0.0, show_default=True, help="Seconds before.")
@on_launch
def leave(launch: Launch, timeout: float, wait: float) -> int:
    """`penstock quit`."""
    from .lifecycle import leave as end

    return end(launch, say, timeout, wait)


@click.command("reload", help="Apply the configuration as it is now.")
@on_launch
def reload(launch: Launch) -> int:
    """`penstock reload`."""
    from .lifecycle import reload as apply

    return apply(launch, say)


@click.command("restart", help="Stop and start.")
@on_launch
def restart(launch: Launch) -> int:
    """`penstock restart`."""
    from .lifecycle import restart as again

    return again(launch, say)


@click.command("health", help="Whether the master and its workers are there.")
@on_launch
def health(launch: Launch) -> int:
    """`penstock health`."""
    from .lifecycle import health as look

    return look(launch, say)


@click.command("check", help="Test a configuration file.")
@click.argument("file", required=False)
@click.pass_obj
def check(launch: Launch, file: str | None) -> int:
    """`penstock check FILE`."""
    from .trial import try_out

    return try_out(placed(launch, None, file) if file else launch, dump=False)


@click.command("version", help="The version; with -a those of what it is built on.")
@click.option("-a", "--all", "everything", is_flag=True)
def version(everything: bool) -> int:
    """`penstock version`."""
    say(__version__)
    if everything:
        from .cli import details_text

        say(details_text())
    return 0


@click.group("migrations", help="The schema of the database.")
def migrations() -> None:
    """`penstock migrations`."""


def migration(name: str, text: str) -> None:
    """One command of `migrations`, done by the function of `store.migrating`."""

    @migrations.command("list" if name == "listing" else name, help=text)
    @on_launch
    def run(launch: Launch) -> int:
        from .lifecycle import located
        from .store import migrating

        do: Callable[[Launch, Callable[[str], object]], int] = getattr(migrating, name)
        return do(located(launch), say)


migration("bootstrap", "Make the schema of an empty database.")
migration("up", "Run the migrations that are due.")
migration("finish", "The same; there is no second half.")
migration("listing", "What was run and what is due: 0 up to date, 3 needs bootstrap, 5 new ones.")
migration("status", "The same.")


@migrations.command("reset", help="Delete everything that is stored.")
@click.option("-y", "--yes", "sure", is_flag=True)
@on_launch
def reset(launch: Launch, sure: bool) -> int:
    """`penstock migrations reset`."""
    from .lifecycle import located
    from .store.migrating import reset as drop

    return drop(located(launch), say, sure)


COMMANDS: Final = (migrations, start, stop, leave, reload, restart, health, check, version)
