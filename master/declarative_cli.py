"""The command line of declarative files: `penstock config parse|import|export|diff`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import click

from .launch import Launch
from .lifecycle_cli import on_launch, say


@click.group("config", help="Kong's declarative files: check, store, write out, compare.")
def config() -> None:
    """`penstock config`."""


@config.command("parse", help="Check a file; nothing is stored.")
@click.argument("document", metavar="FILE")
@on_launch
def parse(launch: Launch, document: str) -> int:
    """`penstock config parse FILE`."""
    from .store.documents import check

    return located(check)(launch, say, document)


def store(launch: Launch, document: str) -> int:
    """`penstock config import FILE`."""
    from .store.documents import put

    return located(put)(launch, say, document)


def fetch(launch: Launch, document: str | None) -> int:
    """`penstock config export [FILE]`."""
    from .store.documents import get

    return located(get)(launch, say, document)


@config.command("diff", help="What importing a file would change; the exit status is 2 if it is anything.")
@click.argument("document", metavar="FILE")
@on_launch
def diff(launch: Launch, document: str) -> int:
    """`penstock config diff FILE`."""
    from .store.documents import compare

    return located(compare)(launch, say, document)


def located(do: Callable[..., int]) -> Callable[..., int]:
    """Have something done with the configuration that all of Kong's commands agree on."""
    from .lifecycle import located as find

    return lambda launch, *rest: do(find(launch), *rest)


IMPORT: Final = "Let the database hold what a file says, and nothing else; nodes that run follow."
EXPORT: Final = "Write out what the database holds, to a file or the standard output."
for name, of_kong in (("import", False), ("db_import", True)):
    config.command(name, help=IMPORT, hidden=of_kong)(click.argument("document", metavar="FILE")(on_launch(store)))
for name, of_kong in (("export", False), ("db_export", True)):
    config.command(name, help=EXPORT, hidden=of_kong)(
        click.argument("document", metavar="[FILE]", required=False)(on_launch(fetch))
    )
