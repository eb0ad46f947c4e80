"""`-t` and `-T`: whether a start would succeed, as far as that can be told without starting."""

from __future__ import annotations

import errno
import os
import sys

from ..shared.conf.advice import advice
from ..shared.errorlog import STDERR
from ..shared.errors import ConfigError, StartError
from ..shared.model.stream import Configuration
from .binding import bind, bind_failed
from .generation import every_log_path
from .launch import Launch
from .listeners import plan_of
from .pidfile import is_special
from .plugin_trial import try_plugins
from .speech import explanation, sentence
from .start import log_by_default, say, warn_of


def try_out(launch: Launch, dump: bool) -> int:
    """Test the configuration, print it if `dump` says so; the exit status."""
    try:
        configuration = launch.load()
        warn_of(configuration)
        for notice in advice(configuration.stream.gateway):
            say(2, notice.level, sentence(notice))
        tell(launch, f"the configuration file {launch.file} syntax is ok")
        try_logs(configuration, launch)
        try_listeners(configuration)
        try_plugins(configuration)
    except (ConfigError, StartError) as error:
        log_by_default(launch, sentence(error))
        say(2, "emerg", explanation(error))
        print(f"penstock: configuration file {launch.file} test failed", file=sys.stderr)
        return 1
    tell(launch, f"configuration file {launch.file} test is successful")
    if dump:
        for file in configuration.files:
            print(f"# configuration file {file.path}:\n{file.text}")
    return 0


def tell(launch: Launch, text: str) -> None:
    """Good news, unless `-q`."""
    if not launch.quiet:
        print(f"penstock: {text}", file=sys.stderr)


def try_logs(configuration: Configuration, launch: Launch) -> None:
    """Whether the log files could be opened. None is made: who tests as root would leave logs that root owns."""
    for path in every_log_path(configuration):
        if path == STDERR or path in launch.default_paths or is_special(path):
            continue
        exists = os.path.exists(path)
        folder = os.path.dirname(path)
        if not os.path.isdir(folder):
            raise StartError(f'open() "{path}" failed ({errno.ENOENT}: {os.strerror(errno.ENOENT)})')
        if not os.access(path if exists else folder, os.W_OK):
            raise StartError(f'open() "{path}" failed ({errno.EACCES}: {os.strerror(errno.EACCES)})')


def try_listeners(configuration: Configuration) -> None:
    """Whether we could bind, as nginx does: an address that is in use is well, it may be our own."""
    plan = plan_of(configuration)
    for wanted in (*plan.listens.values(), *plan.own.values()):
        if wanted.address.host.startswith("/"):
            continue
        try:
            bind(wanted, joins=False).close()
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise bind_failed(wanted, error) from error
