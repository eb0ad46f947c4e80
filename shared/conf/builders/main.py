"""The main context and `events {}`."""

from __future__ import annotations

from typing import Final

from ...errors import ConfigError
from ...model.log import ErrorLogTarget, Level
from ...model.stream import Main, User
from .. import values
from ..tree import Directive
from .access import debug_connections
from .admin import build_admin, one_address
from .context import Context
from .errorlog import error_logs
from .process import cpu_affinity, environment, worker_priority
from .scope import Scope

PID: Final = "logs/penstock.pid"
ERROR_LOG: Final = "logs/error.log"
NOT_ROOT: Final = 'the "user" directive makes sense only if the master process runs with super-user privileges, ignored'
DEFAULT: Final = Main()


def build_main(scope: Scope, context: Context) -> Main:
    """What holds for the whole program."""
    events = scope.one("events")
    connections = Scope(events.block or () if events else ())
    workers = worker_processes(scope, context)
    debug_networks, debug_unix = debug_connections(connections, context)
    return Main(
        daemon=scope.flag("daemon", DEFAULT.daemon),
        master_process=scope.flag("master_process", DEFAULT.master_process),
        user=build_user(scope.one("user"), context),
        worker_processes=workers,
        worker_connections=worker_connections(connections),
        worker_shutdown_timeout=optional_seconds(scope, "worker_shutdown_timeout"),
        worker_rlimit_nofile=optional_number(scope, "worker_rlimit_nofile"),
        worker_rlimit_core=scope.optional_size("worker_rlimit_core"),
        worker_priority=worker_priority(scope),
        worker_cpu_affinity=cpu_affinity(scope, workers, context),
        environment=environment(scope),
        working_directory=working_directory(scope),
        pid=context.under_prefix(scope.text("pid", PID)),
        error_logs=error_logs(scope, context) or (default_error_log(context),),
        debug_networks=debug_networks,
        debug_unix=debug_unix,
        metrics_listen=tuple(
            one_address(directive.words[0], directive.name) for directive in scope.own("metrics_listen")
        ),
        metrics_where=tuple(directive.words[0].where for directive in scope.own("metrics_listen")),
        multi_accept=connections.flag("multi_accept", DEFAULT.multi_accept),
        admin=build_admin(scope, context),
    )


def default_error_log(context: Context) -> ErrorLogTarget:
    """Where errors go when nothing says so."""
    return ErrorLogTarget(context.under_prefix(ERROR_LOG), Level.ERROR)


def worker_processes(scope: Scope, context: Context) -> int:
    """How many workers."""
    word = scope.word("worker_processes")
    if word is None:
        return DEFAULT.worker_processes
    return context.system.cpu_count() if word.text == "auto" else values.number(word, "worker_processes", least=1)


def worker_connections(events: Scope) -> int:
    """How many connections a worker may have open."""
    word = events.word("worker_connections")
    return DEFAULT.worker_connections if word is None else values.number(word, "worker_connections", least=1)


def build_user(directive: Directive | None, context: Context) -> User | None:
    """`user NAME [GROUP]`; the group is that of the user's name, as in nginx."""
    if directive is None:
        return None
    if not context.system.privileged:
        context.warn(NOT_ROOT, directive.where)
        return None
    name, *group = directive.words
    try:
        return context.system.user(name.text, group[0].text if group else None)
    except LookupError as error:
        raise ConfigError(str(error.args[0]), directive.where) from None


def working_directory(scope: Scope) -> str | None:
    """Where workers run, and leave their cores."""
    word = scope.word("working_directory")
    return None if word is None else word.text


def optional_seconds(scope: Scope, name: str) -> float | None:
    """A time, or None where nothing is written."""
    word = scope.word(name)
    return None if word is None else values.time(word, name)


def optional_number(scope: Scope, name: str) -> int | None:
    """A number, or None where nothing is written."""
    word = scope.word(name)
    return None if word is None else values.number(word, name)
