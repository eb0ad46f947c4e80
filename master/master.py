"""The master: what is done at each turn of its loop, with no loop on the stack; only there does it fork.

Signals are handled in nginx's order of precedence, one `handle_<name>` each.

A reload goes through one generation more: it is *pending* while its workers start, and then either takes the place of
the *current* one, whose workers drain, or is refused and leaves nothing behind. The start is the first pending
generation; refused, it ends the master.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from functools import partial
from signal import Signals
from typing import Final

from ..shared.errorlog import STDERR, ErrorLog
from ..shared.errors import ConfigError, StartError
from ..shared.messages import Verb
from ..shared.model.log import Level
from ..shared.model.stream import Configuration
from .administration import Administration
from .announce import Announcer
from .child import Child, State, WorkerMain, death_of, level_of_death
from .generation import READY_WITHIN, ContextPool, Generation, Logs
from .health import HealthChecks
from .inherit import Inheritance
from .launch import Launch
from .ledger import Ledger
from .levers import Levers
from .listeners import Listeners
from .notify import Notifier
from .nursery import Nursery
from .publisher import Publisher, with_records
from .signals import has_terminal, received
from .speech import sentence
from .turns import Turns
from .upgrade import Upgrade
from .zones import ZonePool

KILL_AFTER: Final = 3.0
"""Seconds that a worker has to stop before it is killed."""
THOROUGH: Final = 8
"""Reloads after which what was frozen is looked through as well."""
REFUSABLE: Final = (ConfigError, StartError, OSError)
"""What a reload may fail of without anybody having made a mistake in our code."""


class Master:
    """Parses, binds, forks and supervises, until it is told to stop."""

    def __init__(
        self,
        launch: Launch,
        enter: WorkerMain,
        inheritance: Inheritance,
        notifier: Notifier,
        stderr: int = 2,
        started: Callable[[], None] = lambda: None,
    ) -> None:
        """`stderr`: the descriptor 2 the program was started with; `started`: called once everything serves."""
        self._notice, self._warn = partial(self._write, Level.NOTICE), partial(self._write, Level.WARN)
        self._launch = launch
        self._stderr = stderr
        self._started = started
        self._turns = Turns(self._handle, partial(self._write, Level.ALERT))
        self._loop, self._post, self._later = self._turns.loop, self._turns.post, self._turns.later
        ledger = Ledger()
        self._announcer = Announcer(self._loop, ledger, notifier, self._warn)
        self._listeners = Listeners(inheritance, self._notice)
        self._nursery = Nursery(self._loop, self._post, enter, ledger, self._heard, self._died)
        self._upgrade = Upgrade(
            self._loop, self._post, inheritance.handover,
            self._listeners, self._announcer, self._nursery, self._write, stderr, self._settle_later,
        )  # fmt: skip
        self._contexts = ContextPool()
        self._zones = ZonePool()
        self._health = HealthChecks(self._loop, self._warn, self._notice)
        self._announcer.facts.peers_up = self._health.states
        self.publisher = Publisher(
            self._loop, lambda: with_records(self._current, self._pending), self._write, self._check_health
        )
        """Through it records change while the workers serve."""
        self._announcer.facts.later_certificates = self.publisher.expiries.now
        self._announcer.administration = self._administration = Administration(
            self._loop, self.publisher, self._health, ledger, self._nursery.descriptions, self._write,
            Levers(self._nursery.inquiries, self._announcer.facts, self._announcer.reload),
        )  # fmt: skip
        self._numbers = 0
        self._current: Generation | None = None
        self._pending: Generation | None = None
        self._generations: dict[int, Generation] = {}
        """Those that have workers."""
        self._log: ErrorLog | None = None
        self._again = False
        """Whether a SIGHUP came while a reload was under way."""
        self._stopping = False
        self._failure: StartError | None = None

    def run(self, configuration: Configuration) -> None:
        """Serve until told to stop; raises StartError if the first generation could not start."""
        self._turns.catch_signals()
        try:
            try:
                self._begin(configuration)
            except REFUSABLE as error:
                self._failure = StartError(sentence(error))
                self._stop()
            self._turns.run_while(lambda: not self._stopping or self._nursery)
        finally:
            self._administration.close()
            self._listeners.close()
            self._announcer.gone()
        if self._failure is not None:
            if any(target.path != STDERR for target in configuration.main.error_logs):
                self._write(Level.EMERG, self._failure.text)  # the caller tells the standard error
            raise self._failure
        self._notice("exit")

    # Signals.

    def _handle(self, number: Signals) -> None:
        getattr(self, f"handle_{number.name.removeprefix('SIG').lower()}")()

    def handle_chld(self) -> None:
        """A child ended: workers have their pidfd, so this is for others."""
        self._nursery.reap_strangers()

    def handle_term(self) -> None:
        """Stop at once."""
        self._notice(received(Signals.SIGTERM))
        self._stop()

    def handle_int(self) -> None:
        """Stop at once (Ctrl-C)."""
        self._notice(received(Signals.SIGINT))
        self._stop()

    def handle_quit(self) -> None:
        """Stop accepting, let sessions end, and leave."""
        self._notice(received(Signals.SIGQUIT))
        if self._stopping:
            return
        self._leave("draining")
        for generation in self._generations.values():
            self._drain(generation)

    def handle_hup(self) -> None:
        """Apply the configuration as it is now."""
        self._notice(received(Signals.SIGHUP))
        if self._stopping:
            return
        if self._upgrade.replaced:
            self._revive()
        elif self._pending is not None:
            self._again = True
        else:
            self._reload()

    def handle_usr1(self) -> None:
        """Reopen the log files."""
        self._notice(received(Signals.SIGUSR1))
        if self._current is None:
            return
        for complaint in self._current.logs.reopen(self._current.configuration.main.user):
            self._write(Level.EMERG, complaint)
        self._administration.reopen()
        for child in self._nursery:
            child.tell(Verb.REOPEN)

    def handle_usr2(self) -> None:
        """Replace the program, with everything it listens on."""
        if not self._stopping:
            self._upgrade.ask(busy=self._pending is not None)

    def handle_winch(self) -> None:
        """Let all workers end, and stay."""
        if self._current is None or self._stopping or has_terminal():
            return
        self._notice(received(Signals.SIGWINCH))
        self._drain(self._current)

    # A generation comes.

    def _begin(self, configuration: Configuration) -> None:
        generation = self._prepare(configuration)
        self._listeners.activate(generation.plan)
        self._listeners.commit(generation.plan)
        for address in self._listeners.unused():
            self._warn(f"the inherited socket {address} matches no listen, nobody answers it")
        if not configuration.main.master_process:
            self._notice('"master_process off": one worker serves, in a process of its own')
        self._notice("start worker processes")
        self._tidy()
        self._populate(generation)

    def _reload(self) -> None:
        self._again = False
        self._notice("reconfiguring")
        self._announcer.reloading()
        self._attempt(self._launch.load)

    def _attempt(self, load: Callable[[], Configuration]) -> None:
        self._tidy()
        try:
            self._populate(self._prepare(load()))
        except REFUSABLE as error:
            self._refuse(sentence(error))
        except Exception as error:
            self._refuse(f"unexpected {error!r}")
            raise  # the trace is told by the turn

    def _prepare(self, configuration: Configuration) -> Generation:
        """Open everything that a configuration needs; raises StartError after undoing it."""
        logs, plan = Logs(configuration, time.time, self._stderr), None
        if self._current is None:
            self._log = logs.log
        try:
            for notice in configuration.notices:
                self._write(Level[notice.level.upper()], sentence(notice))
            plan = self._listeners.open(configuration)
            self._administration.prepare(configuration)
            live, number = self.publisher.live(configuration), self._numbers + 1
            generation = Generation(number, configuration, plan, logs, self._contexts, self._zones, live)
        except BaseException:
            if plan is not None:
                self._listeners.abandon(plan)
            if self._current is not None:
                logs.close()
            raise
        self._numbers = number
        self._pending = self._generations[number] = generation
        return generation

    def _tidy(self) -> None:
        """Garbage would be copied by every worker, and frozen; what little is in cycles of the old can wait."""
        if self._numbers % THOROUGH == 0:
            gc.unfreeze()
        gc.collect()

    def _populate(self, generation: Generation) -> None:
        for slot in range(generation.slots):
            child = self._nursery.spawn(generation, slot)
            self._notice(f"start worker process {child.pid}")
        self._later(READY_WITHIN, partial(self._expect_ready, generation.number))  # which it must not keep

    def _expect_ready(self, number: int) -> None:
        if self._pending is not None and self._pending.number == number:
            self._refuse(f"workers were not ready within {READY_WITHIN:g} s")

    def _commit(self, generation: Generation) -> None:
        """Every worker of the pending generation is ready: it takes over."""
        before = self._current
        try:
            self._listeners.activate(generation.plan)
            self._announcer.place(generation.configuration.main.pid)
        except REFUSABLE as error:
            self._refuse(sentence(error))
            return
        self._pending, self._current = None, generation
        self._log = generation.logs.log
        if before is not None:
            self._drain(before)
            before.logs.close()
            if not before.children:  # SIGWINCH has sent them away
                del self._generations[before.number]
        self._announcer.applied(generation, before)
        self._listeners.commit(generation.plan)
        self._upgrade.serve()
        self._contexts.keep(generation.contexts)
        self._zones.keep(generation.limits)
        self._check_health()
        self._count_workers()
        if before is None:
            self._announcer.watch(lambda: self._upgrade.leading)
            self._upgrade.watch_elder()
            self._started()
        self._settle_later()

    def _check_health(self) -> None:
        if (current := self._current) is not None:
            self._health.apply(current.health, current.upstreams())

    def _refuse(self, reason: str) -> None:
        """The pending generation does not come: everything stays as it was, or at the start nothing does."""
        refused, self._pending = self._pending, None
        if refused is not None:
            refused.stop()
            self._later(KILL_AFTER, partial(self._kill, refused))
        if self._current is None:
            self._failure = StartError(reason)
            self._leave("the start failed")
            return
        if refused is not None:
            self._listeners.abandon(refused.plan)
            refused.logs.close()
            if not refused.children:  # not even the first fork came about
                del self._generations[refused.number]
        self._write(Level.EMERG, reason)
        self._notice(f"the reload was refused, generation {self._current.number} stays in force")
        self._announcer.refused(reason, self._current)
        self._settle_later()

    def _revive(self) -> None:
        """Start workers again on the configuration in force, where there are none, or sockets without any."""
        current = self._current
        if current is None or self._stopping or self._pending is not None:
            return
        if not current.leaving and not self._listeners.outgrown(current.plan):
            self._notice("no worker process is missing")
            return
        self._notice("start worker processes")
        self._attempt(lambda: current.configuration)

    def _settle_later(self) -> None:
        self._post(self._settle)

    def _settle(self) -> None:
        """Nothing is pending any more: do what came meanwhile."""
        if self._pending is not None or self._stopping:
            return
        if self._again:
            self._reload()
        else:
            self._upgrade.settle(self._revive)

    # Workers.

    def _heard(self, child: Child, verb: Verb, text: str) -> None:
        generation = self._generations[child.generation]
        if verb is Verb.FAILED:
            child.said = text
        elif verb is Verb.READY and child.state is State.STARTING:
            child.state = State.READY
            self._count_workers()
            if generation is self._pending and generation.ready:
                self._commit(generation)
        elif verb in (Verb.APPLIED, Verb.REJECTED):
            self.publisher.heard(child, verb, text)

    def _died(self, child: Child, status: int) -> None:
        generation = self._generations[child.generation]
        generation.forget(child)
        self.publisher.gone(child)
        expected = child.state is State.LEAVING
        self._write(level_of_death(expected, status), f"worker process {child.pid} {death_of(status)}")
        if generation is self._pending:
            self._refuse(child.said or f"worker process {child.pid} {death_of(status)} before it was ready")
        elif not expected and not generation.leaving:
            self._mourn(generation, child)
        self._count_workers()
        if not generation.children and generation not in (self._current, self._pending):
            self._generations.pop(generation.number, None)

    def _mourn(self, generation: Generation, child: Child) -> None:
        """A worker in service died: count it and have it born again."""
        if child.said:
            self._write(Level.EMERG, child.said)
        self._announcer.facts.worker_deaths += 1
        self._nursery.replace(generation, child, self._write)

    def _count_workers(self) -> None:
        self._announcer.facts.workers = 0 if self._current is None else self._current.workers_ready

    # Generations go.

    def _drain(self, generation: Generation) -> None:
        generation.drain()
        self._count_workers()
        timeout = generation.configuration.main.worker_shutdown_timeout
        if timeout is not None:
            self._later(timeout + KILL_AFTER, partial(self._kill, generation))

    def _stop(self) -> None:
        self._leave("stopping")
        for generation in self._generations.values():
            generation.stop()
            self._later(KILL_AFTER, partial(self._kill, generation))

    def _leave(self, how: str) -> None:
        """Nothing new begins any more; the loop ends with the last worker."""
        if self._stopping:
            return
        self._stopping = True
        self._pending = None
        self._announcer.leaving(how, self._upgrade.leave())
        self._health.stop()
        self._listeners.close()

    def _kill(self, generation: Generation) -> None:
        for child in tuple(generation.children.values()):
            child.kill()

    # Words.

    def _write(self, level: Level, text: str) -> None:
        if self._log is not None:
            self._log.write(level, text)
