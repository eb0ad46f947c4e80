"""What the outside sees of the master: pid file, outcome of reloads, metrics, and the service manager's messages."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import time
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, Final

from ..shared.errors import StartError
from .generation import Generation
from .ledger import Ledger
from .metrics import Facts, certificates_of, registry_for
from .notify import Notifier
from .outcome import OutcomeFile
from .pidfile import OLDBIN, PidFile

if TYPE_CHECKING:
    from .administration import Administration
    from .http import MetricsServer

Complain = Callable[[str], None]


class Announcer:
    """Tells everybody who cares, at each step of the master's life."""

    def __init__(self, loop: asyncio.AbstractEventLoop, ledger: Ledger, notifier: Notifier, complain: Complain) -> None:
        self.facts: Final = Facts()
        self._loop = loop
        self._ledger = ledger
        self._notifier = notifier
        self._complain = complain
        self._pid = os.getpid()
        self._pidfile: PidFile | None = None
        self._outcome = OutcomeFile(self._pid)
        self._server: MetricsServer | None = None
        self.administration: Administration | None = None
        """What answers on `admin_listen`."""
        self._generation: Generation | None = None
        """The one in force."""
        self._aside = False
        """Whether the pid file's name was left to a new program."""
        self._silent = False
        """Whether a new program speaks to the outside in our place."""

    @property
    def pid_path(self) -> str:
        """Where the pid file is."""
        return "" if self._pidfile is None else self._pidfile.path

    def place(self, path: str) -> None:
        """Write the pid file, or move it; raises StartError and leaves things as they were.

        The file of outcomes is there first: whoever finds our pid may ask for a reload at once.
        """
        before = self._pidfile
        if before is not None and (before.path == path or self._aside):
            return
        self._place_outcome(path)
        try:
            if before is None:
                pidfile = PidFile(path)
                pidfile.write(self._pid)
                self._pidfile = pidfile
            else:
                before.move(path, self._pid)
        except StartError:
            if before is not None:
                self._place_outcome(before.path)
            raise

    def reloading(self) -> None:
        """A reload begins."""
        self._try(self._outcome.begin)
        if not self._silent:
            self._notifier.reloading("reloading the configuration")

    async def reload(self) -> str:
        """Have the master reload, as by SIGHUP; why that was refused, or an empty text."""
        outcome: asyncio.Future[str] = self._loop.create_future()
        self._outcome.wait(lambda refused: None if outcome.done() else outcome.set_result(refused))
        os.kill(self._pid, signal.SIGHUP)
        return await outcome

    def applied(self, generation: Generation, before: Generation | None) -> None:
        """A generation is in force."""
        facts = self.facts
        facts.reload_success = True
        facts.reload_timestamp = time.time()
        facts.certificates = certificates_of(generation.configuration)
        facts.series = generation.series
        facts.node = (self.administration.node_id if self.administration is not None else "") or socket.gethostname()
        self._generation = generation
        if not self._silent:
            self._serve_metrics(generation, before)
        facts.generation = generation.number  # told by /metrics: not before everything else is as it says
        if before is not None:
            self._try(self._outcome.end)
        if not self._silent:
            self._notifier.ready(self._standing(generation))

    def refused(self, reason: str, staying: Generation) -> None:
        """A reload was refused; READY all the same, or the service manager would wait for ever."""
        self.facts.reload_success = False
        self._try(lambda: self._outcome.end(reason))
        if not self._silent:
            self._notifier.ready(f"{self._standing(staying)}; the last reload was refused: {reason}")

    def watch(self, alive: Callable[[], bool]) -> None:
        """Keep the service manager's watchdog quiet for as long as the loop gets its slices and `alive` says so."""
        interval = self._notifier.watchdog_interval
        if interval is not None:
            if alive():
                self._notifier.watchdog()
            self._loop.call_later(interval, self.watch, alive)

    def leaving(self, how: str, heir: int | None = None) -> None:
        """The way out begins: nothing is served any more that a successor might want to serve.

        Where the process `heir` serves on, the service manager must not take our end for that of the service.
        """
        if heir is None:
            self._notifier.stopping(how)
        else:
            self._notifier.main_pid(heir)
        self._stop_metrics()

    # A new program in the place of this one.

    def step_aside(self) -> None:
        """Leave the pid file's name to a new program; raises OSError."""
        if self._pidfile is not None:
            self._pidfile.rename(self._pidfile.path + OLDBIN)
            self._place_outcome(self._pidfile.path)
        self._aside = True

    def fall_silent(self) -> None:
        """The new program serves: it is whom the outside sees."""
        self._silent = True
        self._stop_metrics()

    def speak_again(self) -> None:
        """The new program stops before we do: be seen again."""
        if self._silent and self._generation is not None:
            self._silent = False
            self._serve_metrics(self._generation, None)
            self.lead()
            self._notifier.ready(self._standing(self._generation))

    def step_back(self) -> None:
        """There is no new program any more: the pid file gets its name back; raises OSError."""
        self.speak_again()
        self._aside = False
        if self._pidfile is not None:
            self._pidfile.rename(self._pidfile.path.removesuffix(OLDBIN))
            self._place_outcome(self._pidfile.path)

    def lead(self) -> None:
        """Tell the service manager that this process is its service's main one."""
        self._notifier.main_pid(self._pid)

    def lead_alone(self, another: int) -> None:
        """Tell it again, now that our parent is gone.

        systemd looks only once, when the main process changes, whether it is its own child, and does not wait for the
        end of one that is not: it would be killed at once when the service is stopped. So it has to change twice.
        """
        self._notifier.main_pid(another)
        self._notifier.main_pid(self._pid)

    def _place_outcome(self, path: str) -> None:
        self._try(lambda: self._outcome.place(path))

    def _stop_metrics(self) -> None:
        if self.administration is not None:
            self.administration.stop_serving()
        if self._server is not None:
            self._run(self._server.detach())
            self._server = None

    def gone(self) -> None:
        """Take away every trace."""
        self._try(self._outcome.remove)
        if self._pidfile is not None:
            self._pidfile.remove(self._pid)

    def _serve_metrics(self, generation: Generation, before: Generation | None) -> None:
        after = generation.plan.for_metrics()
        earlier = before.plan.for_metrics() if before is not None else ()
        if after and self._server is None:
            from .http import MetricsServer  # aiohttp takes longer to import than all the rest: only who uses it waits

            registry = registry_for(self._ledger, self.facts)
            self._server = MetricsServer(registry, lambda: self.facts.workers > 0, self._complain)
        if self._server is not None:
            try:
                self._run(self._server.detach([one for one in earlier if one not in after]))
                self._run(self._server.attach([one for one in after if one not in earlier]))
            except OSError as error:
                self._complain(f"the metrics cannot be served: {error}")
        if self.administration is not None:
            self.administration.serve(generation)

    def _standing(self, generation: Generation) -> str:
        workers = generation.slots
        return f"generation {generation.number}, {workers} worker{'s' if workers > 1 else ''}"

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        self._loop.run_until_complete(work)

    def _try(self, step: Callable[[], None]) -> None:
        """What waits for outcomes must not cost the master its work."""
        try:
            step()
        except (OSError, StartError) as error:
            self._complain(f"the outcome of reloads cannot be told: {error}")
