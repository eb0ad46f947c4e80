"""The command line: nginx's flags on the bare command, our own things as subcommands."""

from __future__ import annotations

import ssl
import sys
from pathlib import Path
from typing import Final

import click

from ..shared.errors import StartError
from ..shared.version import NGINX_VERSION, __version__
from . import asking_cli, declarative_cli
from .daemon import open_descriptors
from .launch import FILE, PREFIX, Launch, launch_of
from .lifecycle_cli import COMMANDS

MODULES: Final = (
    "--with-debug",
    "--with-stream",
    "--with-stream_ssl_module",
    "--with-stream_ssl_preread_module",
    "--with-stream_realip_module",
)
"""What works, by the names that tools look for in `nginx -V`."""
MISSING: Final = {"-c": "file name", "-e": "file name", "-g": "parameter", "-p": "directory name", "-s": "parameter"}
"""What nginx misses behind an option that stands alone."""
WORDS: Final = ("stop", "quit", "reopen", "reload")

PORT: Final = click.IntRange(1, 65535)

HELP: Final = f"""\
penstock version: penstock/{__version__}
Usage: penstock [-?hvVtTq] [-s signal] [-p prefix]
                [-e filename] [-c filename] [-g directives]
       penstock directives [name ...]
       penstock [-p prefix] [-c filename] explain [--sni name] [--alpn protocol]
                [--from ip[:port]] [--to [ip]:port] [--plain] [--live] [--json]
       penstock [-p prefix] [-c filename] config parse|import|export|diff [file]
       penstock [-p prefix] [-c filename] upstreams|cluster [--json]
       penstock plugin new name [directory]
       penstock quickstart [--port port] [--metrics-port port]

Options:
  -?,-h         : this help
  -v            : show version and exit
  -V            : show version and configure options then exit
  -t            : test configuration and exit
  -T            : test configuration, dump it and exit
  -q            : suppress non-error messages during configuration testing
  -s signal     : send signal to a master process: stop, quit, reopen, reload
                  (reload waits; exit status 1 when the configuration is refused)
  -p prefix     : set prefix path (default: {PREFIX}/)
  -e filename   : set error log file (default: logs/error.log)
  -c filename   : set configuration file (default: {FILE})
  -g directives : set global directives out of configuration file

Commands:
  directives    : every directive, or those named, with contexts and defaults
  explain       : what would happen to a connection, and why
  config        : Kong's declarative files: check, store, write out, compare
  upstreams     : the peers of the server that runs, with their health
  cluster       : the nodes that share one database
  plugin new    : the beginnings of a plugin, with a test
  start, stop, quit, reload, restart, health, check, version, migrations
                : Kong's commands; each says more with --help
  quickstart    : a gateway to try out, with an echo server behind it
"""


class Command(click.Group):
    """A group that explains itself and its mistakes in nginx's words."""

    def get_help(self, ctx: click.Context) -> str:
        return HELP if ctx.parent is None else super().get_help(ctx)


@click.group(
    cls=Command,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "-?", "--help"]},
    no_args_is_help=False,
)
@click.option("-v", "version", is_flag=True)
@click.option("-V", "details", is_flag=True)
@click.option("-t", "test", is_flag=True)
@click.option("-T", "dump", is_flag=True)
@click.option("-q", "quiet", is_flag=True)
@click.option("-s", "word")
@click.option("-p", "prefix")
@click.option("-c", "file")
@click.option("-e", "error_log")
@click.option("-g", "globals_text", default="")
@click.pass_context
def penstock(
    context: click.Context,
    version: bool,
    details: bool,
    test: bool,
    dump: bool,
    quiet: bool,
    word: str | None,
    prefix: str | None,
    file: str | None,
    error_log: str | None,
    globals_text: str,
) -> int:
    """A TCP and TLS stream gateway."""
    if context.invoked_subcommand is not None:
        context.obj = launch_of(prefix, file, globals_text, error_log, quiet, sys.argv)
        return 0
    if version or details:
        click.echo(details_text() if details else f"penstock version: penstock/{__version__}", err=True)
        return 0
    if word is not None and word not in WORDS:
        raise click.UsageError(f'invalid option: "-s {word}"')
    launch = launch_of(prefix, file, globals_text, error_log, quiet, sys.argv)
    if test or dump:
        from .trial import try_out

        return try_out(launch, dump)
    if word is not None:
        return order(launch, word)
    from .start import start

    return start(launch)


@penstock.command()
@click.argument("names", nargs=-1)
def directives(names: tuple[str, ...]) -> int:
    """Print the directive table."""
    from .directives import listing

    click.echo(listing(names))
    return 0


@penstock.command()
@click.option("--port", type=click.IntRange(1, 65535), default=5555, show_default=True, help="The gateway's port.")
@click.option(
    "--metrics-port", type=click.IntRange(1, 65535), default=9145, show_default=True, help="The port of /metrics."
)
def quickstart(port: int, metrics_port: int) -> int:
    """Run a gateway to try out: no file, no root and no network needed."""
    from .quickstart import run

    return run(port, metrics_port)


@penstock.group()
def plugin() -> None:
    """Plugins of one's own."""


@plugin.command()
@click.argument("name")
@click.argument("directory", required=False)
def new(name: str, directory: str | None) -> int:
    """Write the beginnings of a plugin: a package with an entry point, and a test."""
    from .plugin_skeleton import write_skeleton
    from .speech import sentence

    try:
        files = write_skeleton(name, Path(directory or f"penstock-plugin-{name}"))
    except StartError as error:
        click.echo(f"penstock: [error] {sentence(error)}", err=True)
        return 1
    for file in files:
        click.echo(file)
    return 0


@penstock.command()
@click.option("--sni", help="The name in the client's TLS hello.")
@click.option("--alpn", multiple=True, help="A protocol that the client offers; may be repeated.")
@click.option("--from", "source", metavar="IP[:PORT]", help="The client's address.")
@click.option("--to", "destination", metavar="[IP]:PORT", help="Where it connects to; the first listener by default.")
@click.option("--plain", is_flag=True, help="The client speaks no TLS.")
@click.option("--live", is_flag=True, help="Ask the Penstock that runs, with all that the Admin API has stored.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def explain(
    launch: Launch,
    sni: str | None,
    alpn: tuple[str, ...],
    source: str | None,
    destination: str | None,
    plain: bool,
    live: bool,
    as_json: bool,
) -> int:
    """What the configuration would do with a connection, and why."""
    words = {"sni": sni, "alpn": list(alpn), "from": source, "to": destination, "plain": plain}
    if live:
        from .asking_cli import explain_live

        return explain_live(launch, words, as_json)
    from .explain import run

    return run(launch, words, as_json)


def order(launch: Launch, word: str) -> int:
    """`-s`."""
    from .command import send
    from .speech import sentence

    try:
        send(launch, word)
    except StartError as error:
        click.echo(f"penstock: [error] {sentence(error)}", err=True)
        return 1
    return 0


def details_text() -> str:
    """`-V`, such that whatever probes nginx can probe us."""
    return "\n".join(
        (
            f"penstock version: penstock/{__version__}",
            f"nginx version: nginx/{NGINX_VERSION} (penstock/{__version__})",
            f"built with {ssl.OPENSSL_VERSION}",
            "TLS SNI support enabled",
            f"configure arguments: --prefix={PREFIX} --conf-path={FILE} {' '.join(MODULES)}",
        )
    )


for command in (*COMMANDS, *asking_cli.COMMANDS, declarative_cli.config):
    penstock.add_command(command)


def complaint(error: click.ClickException) -> str:
    """What is wrong with a command line, in nginx's words where it has some."""
    if isinstance(error, click.NoSuchOption) and not error.option_name.startswith("--"):
        return f'invalid option: "{error.option_name.removeprefix("-")}"'
    if isinstance(error, click.BadOptionUsage) and error.option_name in MISSING:
        return f'option "{error.option_name}" requires {MISSING[error.option_name]}'
    return error.format_message()


def main() -> None:
    """The `penstock` command."""
    open_descriptors()
    try:
        status = penstock.main(prog_name="penstock", standalone_mode=False)
    except click.ClickException as error:
        click.echo(f"penstock: {complaint(error)}", err=True)
        status = 1
    except (click.Abort, KeyboardInterrupt):
        status = 130
    sys.stdout.flush()
    sys.exit(status)
