"""Starting: from a command line to a master that serves, or to one clear line and exit status 1."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple

import setproctitle

from ..shared.errorlog import STDERR, ErrorLog, LogFiles
from ..shared.errors import ConfigError, StartError
from ..shared.model.log import ErrorLogTarget, Level
from ..shared.model.stream import Configuration
from .child import WorkerMain
from .daemon import Place, detach, stay, succeed
from .generation import speaks_to_stderr
from .inherit import Handover, inherit
from .launch import Launch
from .master import Master
from .notify import Notifier
from .speech import explanation, sentence

TITLE: Final = "penstock: master process"


def start(launch: Launch, enter: WorkerMain | None = None, serving: Callable[[], None] = lambda: None) -> int:
    """Serve until told to stop, or explain why not; the exit status. `serving` is called once sessions are accepted."""
    notifier = Notifier(os.environ)
    try:
        inheritance = inherit(os.environ, os.getpid())
        configuration = launch.load()
        warn_of(configuration)
        made = provide_folders(configuration, launch)
    except (ConfigError, StartError) as error:
        log_by_default(launch, sentence(error))
        say(2, "emerg", explanation(error))
        return 1
    place = take_place(configuration, inheritance.handover)
    setproctitle.setproctitle(f"{TITLE} {launch.title}")

    def started() -> None:
        place.started()
        serving()

    master = Master(launch, enter or worker_room().main, inheritance, notifier, place.stderr, started)
    try:
        master.run(configuration)
    except StartError as error:
        remove_folders(made, launch)
        say(place.complaints, "emerg", sentence(error))
        return 1
    return 0


def take_place(configuration: Configuration, handover: Handover | None) -> Place:
    """In front, in the background, or where the program runs that is to be replaced."""
    if handover is not None:
        return succeed(handover.stderr, handover.output)
    return detach(speaks_to_stderr(configuration)) if configuration.main.daemon else stay()


class WorkerRoom(NamedTuple):
    """What forked children do in the worker's room."""

    main: WorkerMain
    try_plugins: Callable[[Configuration, bool], str]
    """Why plugins cannot be loaded, or an empty text; the flag is whether `user` is to be obeyed."""
    plugin_priorities: Callable[[Configuration, bool], str]
    plugin_descriptions: Callable[[Configuration, bool], str]
    """The descriptions of all plugins there are, JSON."""


def worker_room() -> WorkerRoom:
    """The one way from the master's code to the worker's."""
    from ..worker import main as room

    return WorkerRoom(room.main, room.try_plugins, room.plugin_priorities, room.plugin_descriptions)


def warn_of(configuration: Configuration) -> None:
    """Tell the terminal what is accepted but worth a look; the log is told too, once it is open."""
    if not any(target.path == STDERR for target in configuration.main.error_logs):
        for notice in configuration.notices:
            if Level[notice.level.upper()] <= Level.WARN:
                say(2, notice.level, sentence(notice))


def provide_folders(configuration: Configuration, launch: Launch) -> list[Path]:
    """Make the prefix' folder of logs if the configuration relies on it without naming it; what was made, deepest last.

    Raises StartError.
    """
    main = configuration.main
    used = {main.pid, *(target.path for target in main.error_logs)} & launch.default_paths
    missing = {folder for path in used for folder in Path(path).parents if not folder.exists()}
    made = sorted(missing, key=lambda folder: len(folder.parts))
    for folder in made:
        try:
            folder.mkdir(exist_ok=True)
        except OSError as error:
            raise StartError(f'mkdir() "{folder}" failed ({error.errno}: {error.strerror})') from error
    return made


def remove_folders(made: list[Path], launch: Launch) -> None:
    """Leave nothing behind of a start that failed: neither folders that were made for it, nor the log in them."""
    if made:
        Path(launch.default_error_log).unlink(missing_ok=True)
    for folder in reversed(made):
        try:
            folder.rmdir()
        except OSError:
            return  # somebody else uses it by now


def log_by_default(launch: Launch, text: str) -> None:
    """Note a mistake in the log of `-e`, or in the default one where there is one already: nothing is left behind."""
    path = launch.default_error_log
    if path == STDERR or (launch.error_log is None and not os.path.exists(path)):
        return
    files = LogFiles()
    try:
        ErrorLog((ErrorLogTarget(path),), files, time.time, os.getpid).emerg(text)
    except StartError:
        pass  # the terminal is told all the same
    finally:
        files.close()


def say(fd: int, level: str, text: str) -> None:
    """nginx's line for who is at the terminal."""
    try:
        os.write(fd, f"penstock: [{level}] {text}\n".encode("utf-8", "replace"))
    except OSError:
        pass
