"""The Admin API as a part of the master: opened before the first worker is born, served over all generations."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
import time
import uuid
from collections.abc import Callable, Coroutine, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

from ..shared.entities.catalog import Catalog
from ..shared.errors import StartError
from ..shared.model.listen import Listen
from ..shared.model.log import Level
from ..shared.model.operations import Admin, Database
from ..shared.model.stream import Configuration
from ..shared.model.tls import KeyPair
from ..shared.pairs import load, localhost_pairs
from ..shared.version import __version__
from .admin_logs import AdminLogs
from .ledger import Family, Ledger
from .levers import Levers
from .metrics import Standing
from .pidfile import replace_file
from .plugin_descriptions import Descriptions
from .publisher import frozen
from .store.base import Loaded, Node, NotReady, Store, StoreError, Unavailable
from .store.opening import store_of
from .store.replica import Replica

if TYPE_CHECKING:
    from ..shared.entities.changes import FileRecord
    from ..shared.entities.declarative import Declared
    from ..shared.plugin_schema import Description
    from .admin.api import AdminApi
    from .admin.node import Sight
    from .admin.registrar import Registrar
    from .admin.schemas import Schemas
    from .generation import Generation
    from .health import HealthChecks
    from .http_server import HttpServer
    from .publisher import Publisher

T = TypeVar("T")
REPLICA: Final = "replica.db"
NODE_ID: Final = "node.id"
REPORT: Final = 5.0
"""Seconds between two reports of this node to a store that several share."""
CONNECTIONS: Final = 512
Door = tuple[tuple[KeyPair, ...], bytes | None]
"""What listeners with `ssl` show, and whose certificates they ask for."""


class Administration:
    """See the module."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        publisher: Publisher,
        health: HealthChecks,
        ledger: Ledger,
        descriptions: Descriptions,
        write: Callable[[Level, str], object],
        levers: Levers,
    ) -> None:
        self.registrar: Registrar | None = None
        self._loop = loop
        self._publisher = publisher
        self.health: Final = health
        """The checks of peers."""
        self.ledger: Final = ledger
        self.levers: Final = levers
        """Of the master."""
        self._descriptions = descriptions
        self._generation: Generation | None = None
        self._database = Database()
        self._schemas: Schemas | None = None
        self._api: AdminApi | None = None
        self._servers: dict[bool, HttpServer] = {}
        self._serving: dict[socket.socket, bool] = {}
        self._door: Door = ((), None)
        self._store: Store | None = None
        self._replica: Replica | None = None
        self._logs = AdminLogs(write)
        self._warn = self._logs.warn
        self._reports: asyncio.TimerHandle | None = None
        self._node_id = ""
        self._declared: Declared | None = None
        """What `declarative_config` says since the reload under way."""

    # The store, before workers are born.

    def prepare(self, configuration: Configuration) -> None:
        """Open what a configuration keeps entities in, unless that has been done; raises StartError."""
        admin = configuration.main.admin
        if not admin.listens and admin.database.kind == "off" and not admin.declarative:
            return
        if self.registrar is None:
            self._open(configuration, admin)
        elif admin.database.kind != self._database.kind or admin.database.target != self._database.target:
            text = "the database cannot be changed by a reload: restart, or go on with the one before"
            raise StartError(text, admin.database.where)
        else:
            self._declared = declared_by(configuration)

    def _open(self, configuration: Configuration, admin: Admin) -> None:
        from .admin.registrar import Registrar
        from .admin.schemas import Schemas

        self._node_id = node_id(configuration.prefix)
        self._schemas = Schemas()
        catalog = Catalog(time.time, lambda name: self._plugins().get(name))
        store = store_of(admin.database)
        if store is not None and store.kind == "postgres":
            self._replica = Replica(os.path.join(configuration.prefix, REPLICA), self._warn)
        declared = declared_by(configuration)
        begun = Loaded(0, ()) if declared is None else Loaded(1, tuple(declared.records))
        with frozen():
            loaded, trouble = self._load(store, admin.database) if store is not None else (begun, "")
        kept = self._replica.keep if self._replica is not None else (lambda _changes, _version: None)
        registrar = Registrar(catalog, store, self._publisher, self._warn, kept)
        registrar.trouble = trouble
        if declared is not None:
            registrar.configuration_hash = declared.hash
        with frozen():
            registrar.begin(loaded, ())
        self._publisher.base(catalog.stored(), loaded.version)  # the catalog's own records: there is one of each
        self._store, self._database, self.registrar = store, admin.database, registrar
        if store is not None:
            self.levers.facts.store = lambda: Standing(not registrar.trouble, registrar.version)

    def _load(self, store: Store, database: Database) -> tuple[Loaded, str]:
        """What is stored; while the store is away what was known last, with the reason."""
        where = database.where if database.where.line else None
        try:
            self._run(store.open())
            loaded = self._run(store.load())
        except NotReady as error:
            raise StartError(str(error), where) from error
        except Unavailable as error:
            known = self._replica.load() if self._replica is not None else None
            if known is None:
                raise StartError(str(error), where) from error
            self._warn(f"{error}; beginning with version {known.version}, which was known last")
            return known, str(error)
        except StoreError as error:
            raise StartError(str(error), where) from error
        if self._replica is not None:
            self._replica.replace(loaded)
        return loaded, ""

    # Serving.

    def serve(self, generation: Generation) -> None:
        """A generation is in force: answer on its addresses, as it says."""
        self._generation = generation
        if self.registrar is None:
            return
        if self._api is None:
            self._api = self._make_api()
            self._loop.call_soon(self.registrar.watch)
            if self._store is not None:
                self._reports = self._loop.call_later(0.0, self._report)
        admin = generation.configuration.main.admin
        self._api.auth = admin.auth
        self._logs.open(admin)
        self._refresh_plugins()
        self.registrar.read_file(self.file_records())
        self._declare()
        wanted = generation.plan.for_admin()
        try:
            self._listen(wanted, admin)
        except OSError as error:
            self._warn(f"the Admin API cannot be served: {error}")

    def _declare(self) -> None:
        """Put in force what `declarative_config` says now, if that has changed."""
        declared, self._declared = self._declared, None
        if declared is not None and self.registrar is not None and declared.hash != self.registrar.configuration_hash:
            task = self._loop.create_task(self.registrar.replace_all(declared), name="declarative_config")
            task.add_done_callback(lambda done: done.exception() if not done.cancelled() else None)

    def stop_serving(self) -> None:
        """Answer nobody any more; the store stays open."""
        for server in self._servers.values():
            self._run(server.detach())
        self._servers.clear()
        self._serving.clear()

    def close(self) -> None:
        """The master ends."""
        self.stop_serving()
        if self._reports is not None:
            self._reports.cancel()
        if self._store is not None:
            self._run(self._store.close())
        if self._replica is not None:
            self._replica.close()

    def reopen(self) -> None:
        """Follow rotated logs (USR1)."""
        if self._generation is not None:
            self._logs.open(self._generation.configuration.main.admin)

    def _make_api(self) -> AdminApi:
        from .admin.groups import make_api

        assert self.registrar is not None
        assert self._schemas is not None
        return make_api(self, self.registrar, self._schemas, self._warn, self._logs.note)

    def sight(self) -> Sight:
        """What the master knows of itself."""
        from .admin.node import Sight

        generation = self._generation
        assert generation is not None
        totals = self.ledger.samples()
        active = sum(value for key, value in totals.items() if key.family is Family.ACTIVE)
        ended = sum(value for key, value in totals.items() if key.family is Family.SESSIONS)
        pids = tuple(child.pid for child in generation.children.values())
        return Sight(
            configuration=generation.configuration,
            master=os.getpid(),
            workers=pids,
            accepted=active + ended,
            active=active,
            ready=generation.workers_ready > 0,
            memory={pid: resident(pid) for pid in pids},
        )

    @property
    def node_id(self) -> str:
        """This node's id, the same after a restart."""
        return self._node_id

    @property
    def generation(self) -> Generation | None:
        """The one in force."""
        return self._generation

    def hides_keys(self) -> bool:
        """Whether private keys are left out of answers."""
        return self._generation is not None and self._generation.configuration.main.admin.hide_keys

    def _listen(self, wanted: Sequence[tuple[Listen, socket.socket]], admin: Admin) -> None:
        after = {one: listen.ssl for listen, one in wanted}
        before, self._door = self._door, (admin.pairs, admin.auth.authorities)
        if self._door != before:
            self._close_door(throw_out=self._door[1] != before[1])
        for one, tls in tuple(self._serving.items()):
            if after.get(one) is not tls:
                self._run(self._servers[tls].detach([one]))
                del self._serving[one]
        for one, tls in after.items():
            if one not in self._serving:
                context = server_context(admin) if tls else None
                self._run(self._server(tls).attach([one], context))
                self._serving[one] = tls

    def _close_door(self, throw_out: bool) -> None:
        """Accept no more on listeners with `ssl`; `throw_out`: whoever is connected came in under other rules."""
        if True in self._servers:
            doors = [one for one, tls in self._serving.items() if tls]
            self._run(self._servers[True].detach(None if throw_out else doors))
            self._serving = {one: tls for one, tls in self._serving.items() if not tls}

    def _server(self, tls: bool) -> HttpServer:
        from .admin.body import LIMIT
        from .http_server import HttpServer, Limits

        assert self._api is not None
        if tls not in self._servers:
            limits = Limits(connections=CONNECTIONS, line=16384, body=LIMIT)
            self._servers[tls] = HttpServer(self._api.answer, limits)
        return self._servers[tls]

    def file_records(self) -> list[FileRecord]:
        """What the configuration file in force says, as records."""
        from ..shared.entities.file_records import file_records

        assert self._generation is not None
        stream = self._generation.configuration.stream
        return list(file_records(stream, lambda name: self._plugins().get(name), int(time.time())))

    # Plugins, and what this node tells others.

    def _plugins(self) -> Mapping[str, Mapping[str, Any]]:
        self._refresh_plugins()
        assert self._schemas is not None
        return self._schemas.plugins

    def _refresh_plugins(self) -> None:
        if self._schemas is not None and self._generation is not None:
            self._schemas.plugins = dict(self._descriptions.of(self._generation.number))

    def _report(self) -> None:
        self._reports = self._loop.call_later(REPORT, self._report)
        task = self._loop.create_task(self._report_once(), name="report this node")
        task.add_done_callback(lambda done: done.exception() if not done.cancelled() else None)

    async def _report_once(self) -> None:
        assert self._store is not None
        assert self.registrar is not None
        node = Node(self._node_id, socket.gethostname(), __version__, self.registrar.version, time.time())
        try:
            await self._store.report(node)
        except StoreError:
            pass  # whoever watches the store tells that it is away

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        return self._loop.run_until_complete(work)


def declared_by(configuration: Configuration) -> Declared | None:
    """What `declarative_config` says; raises StartError. Plugins are asked of a child: no worker is there yet."""
    admin = configuration.main.admin
    if not admin.declarative:
        return None
    from ..shared.entities.file_records import file_records
    from .declared_file import read_declared
    from .plugin_trial import descriptions

    known: dict[str, Description] = {}

    def find(name: str) -> Description | None:
        if not known:
            known.update(descriptions(configuration))
        return known.get(name)

    written = file_records(configuration.stream, find, int(time.time()))
    return read_declared(admin.declarative, find, written, admin.declarative_where)


def server_context(admin: Admin) -> ssl.SSLContext:
    """The context of listeners with `ssl`."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    for pair in admin.pairs or localhost_pairs():
        load(context, pair)
    if admin.auth.authorities is not None:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(cadata=admin.auth.authorities.decode())
    return context


def resident(pid: int) -> int:
    """Bytes of a process in memory; 0 for one that is gone (proc(5))."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")
    except (OSError, ValueError):
        return 0


def node_id(prefix: str) -> str:
    """The id of this node, kept below the prefix; a new one where nothing can be kept."""
    path = Path(prefix) / NODE_ID
    try:
        return str(uuid.UUID(path.read_text().strip()))
    except (OSError, ValueError):
        made = str(uuid.uuid4())
    try:
        replace_file(str(path), f"{made}\n".encode())
    except OSError:
        pass
    return made
