"""The command line of what asks the server that runs: `upstreams`, `cluster`."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

import click

from ..shared.errors import ConfigError, StartError
from .launch import Launch
from .lifecycle_cli import on_launch, say
from .speech import explanation

if TYPE_CHECKING:
    from .asking import Asking


def with_server(launch: Launch, work: Callable[[Asking], int]) -> int:
    """Do something with the server of a configuration; the exit status."""
    from .asking import Asking
    from .lifecycle import located

    try:
        return work(Asking(located(launch).load().main.admin))
    except (ConfigError, StartError) as error:
        click.echo(f"penstock: {explanation(error)}", err=True)
        return 1


@click.command("upstreams", help="The upstreams of the Penstock that runs, with the health of their peers.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@on_launch
def upstreams(launch: Launch, as_json: bool) -> int:
    """`penstock upstreams`."""

    def work(server: Asking) -> int:
        found = [
            {**upstream, "targets": server.get(f"/upstreams/{upstream['id']}/health")["data"]}
            for upstream in server.pages("/upstreams?size=1000")
        ]
        say(json.dumps(found, indent=2, ensure_ascii=False) if as_json else "\n".join(upstream_lines(found)))
        return 0

    return with_server(launch, work)


def upstream_lines(upstreams: Sequence[Any]) -> Iterator[str]:
    """Upstreams for people: each with its targets, the worst to see first in capitals as the API says it."""
    if not upstreams:
        yield "no upstreams"
    for upstream in sorted(upstreams, key=lambda each: str(each["name"])):
        yield f"{upstream['name']} ({upstream['algorithm']})"
        rows = [
            ("", target["target"], f"weight {target['weight']}", target["health"], addresses(target))
            for target in upstream["targets"]
        ]
        yield from table(rows) if rows else ("  no targets",)


def addresses(target: Any) -> str:
    """The addresses of a target that is a name."""
    ends = [f"{each['ip']}:{each['port']}" for each in target["data"]["addresses"]]
    return "" if ends in ([], [target["target"]]) else ", ".join(ends)


@click.command("cluster", help="The nodes that share one database: what each of them serves.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@on_launch
def cluster(launch: Launch, as_json: bool) -> int:
    """`penstock cluster`."""

    def work(server: Asking) -> int:
        found = server.get("/cluster")
        say(json.dumps(found, indent=2, ensure_ascii=False) if as_json else "\n".join(cluster_lines(found)))
        return 0

    return with_server(launch, work)


def cluster_lines(found: Any) -> Iterator[str]:
    """Nodes for people."""
    yield f"database {found['database']}, version {found['version']}"
    rows = [("node", "host", "program", "version", "behind", "silent", "state")]
    rows += [
        (
            node["id"],
            node["hostname"] + (" (this)" if node["this"] else ""),
            node["program"],
            str(node["version"]),
            str(node["behind"]),
            f"{node['silent']:.0f} s",
            node["state"],
        )
        for node in found["data"]
    ]
    yield from table(rows)


def table(rows: Sequence[tuple[str, ...]]) -> Iterator[str]:
    """Rows with their columns one under the other."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        yield "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip()


def explain_live(launch: Launch, words: dict[str, Any], as_json: bool) -> int:
    """`penstock explain --live`."""

    def work(server: Asking) -> int:
        from .explain import show

        show(server.ask("POST", "/explain", words), as_json)
        return 0

    return with_server(launch, work)


COMMANDS: Final = (upstreams, cluster)
