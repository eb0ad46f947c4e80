"""The configuration compiled for sessions: targets, balancers, TLS contexts and listeners of this worker.

Everything a session could otherwise compute for itself is done here once, before the worker says that it is ready.
"""

from __future__ import annotations

import os
import ssl
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from ..shared.errorlog import ErrorLog, open_failed
from ..shared.model.address import Address
from ..shared.model.log import ErrorLogTarget
from ..shared.model.settings import Settings
from ..shared.model.stream import Pass, ProxyPass, Return, Route, Server, Service
from ..shared.model.tls import KeyPair, ServerTls, UpstreamTls
from ..shared.model.upstream import Upstream
from ..shared.server_names import shown_name
from ..shared.sources import sources
from ..shared.tls_contexts import blank, context_key, default_pairs, fill, gateway_tls, server_keys, upstream_context
from .accesslog import AccessLogs
from .balance import Balancer
from .certificates import Certificates
from .gateway import GatewayTables
from .listener import Listener
from .live import LiveTables
from .methods import make_balancer
from .naming import Naming
from .removal import drop_removed
from .route_targets import RouteTargets
from .target import ByCertificate, Target
from .tls_sessions import TlsSessions
from .udp import UdpListener
from .virtual import VirtualServers
from .worker import Worker

UPSTREAM_CONTEXTS: Final = 256
"""Contexts of upstreams that are remembered for targets yet to be made: records come and go."""


class Plan:
    """Builds a worker's tables from its birth; raises PenstockError for what cannot be prepared."""

    def __init__(self, worker: Worker) -> None:
        birth = worker.birth
        self.worker = worker
        self.stream = birth.configuration.stream
        self.access_logs = AccessLogs(birth.files, time.monotonic, birth.log)
        self._logs: dict[tuple[ErrorLogTarget, ...], ErrorLog] = {(): birth.log}
        self._balancers: dict[int, Balancer] = {}
        self._upstream_contexts: dict[UpstreamTls, ssl.SSLContext] = {}
        self._certificates: dict[ServerTls | UpstreamTls, Certificates] = {}
        self._upstream_sessions: dict[ssl.SSLContext, TlsSessions] = {}
        self._server_contexts: dict[object, ssl.SSLContext] = {}
        self._by_certificate: dict[ServerTls, ByCertificate] = {}
        self._route_targets: RouteTargets | None = None
        self._naming = Naming(worker, self._changed)
        self.live: LiveTables | None = None
        """What records bring, where they may."""
        self.made: list[Target] = []
        """The targets so far."""

    def build(self) -> None:
        """Fill the worker."""
        worker = self.worker
        for key, tls in server_keys(worker.birth.configuration).items():
            context = worker.birth.contexts[key]
            fill(context, tls)
            self._server_contexts[key] = context
        for name, upstream in self.stream.upstreams.items():
            worker.balancers[name] = self.balancer(upstream)
        servers = [self._server_target(index) for index in range(len(self.stream.servers))]
        shared = self._shared(servers)
        tables, entrance = self._gateway()
        for listen, sock in worker.birth.listeners:
            key = (listen.address, listen.udp)
            target = shared[key][0] if key in shared else entrance
            assert target is not None
            make = UdpListener if listen.udp else Listener
            listener = make(worker, sock, listen, target)
            if target is entrance:
                listener.tables = tables
            elif listen.ssl:
                listener.servers = shared[key][1]
            worker.listeners.append(listener)

    def _shared(self, targets: Sequence[Target]) -> dict[tuple[Address, bool], tuple[Target, VirtualServers | None]]:
        """By address: the default server, and the others where a name may choose one."""
        on: dict[tuple[Address, bool], list[tuple[bool, Server, Target]]] = {}
        for server, target in zip(self.stream.servers, targets, strict=True):
            for listen in server.listens:
                on.setdefault((listen.address, listen.udp), []).append((listen.default_server, server, target))
        found = {}
        for key, some in on.items():
            default = next((target for is_default, _, target in some if is_default), some[0][2])
            named = len(some) > 1 or any(name.startswith("~") for name in some[0][1].names)
            virtual = VirtualServers([(server.names, target) for _, server, target in some]) if named else None
            found[key] = (default, virtual)
        return found

    @property
    def targets(self) -> list[Target]:
        """Every target, those of routes that nobody has taken yet included."""
        if self._route_targets is not None:
            self._route_targets.complete()
        return self.made

    def reopen_key_logs(self) -> None:
        """Let OpenSSL open the files of `ssl_key_log` again (USR1), which the master has made by now."""
        named = [context for each in self._certificates.values() for context in each.contexts()]
        if self.live is not None:
            named += self.live.made_contexts()
        for context in (*self._server_contexts.values(), *self._upstream_contexts.values(), *named):
            path = context.keylog_filename
            try:
                if path:
                    context.keylog_filename = path
            except OSError as error:
                self.worker.log.crit(open_failed(path, error))

    def begin(self) -> None:
        """Ask for the addresses that were not known at the start, until they are."""
        self._naming.begin()

    def balancer(self, upstream: Upstream) -> Balancer:
        """The balancer of an upstream, one for all that share it."""
        known = self._balancers.get(id(upstream))
        if known is None:
            birth = self.worker.birth
            zone = birth.zones.peers.get(upstream.zone) if upstream.zone is not None else None
            known = self._balancers[id(upstream)] = make_balancer(upstream, time.monotonic, zone, birth.slot)
            self._count(known)
            self._naming.ask(known)
        return known

    def known_balancer(self, upstream: Upstream) -> Balancer | None:
        """The balancer of an upstream that has one by now."""
        return self._balancers.get(id(upstream))

    def renew(self, old: Upstream, new: Upstream | None) -> None:
        """Let the balancer of an upstream have its new form, or go."""
        known = self._balancers.pop(id(old), None)
        if known is None:
            return
        self._naming.stop(known)
        if new is None or (old.method, old.key) != (new.method, new.key):
            self.worker.health.forget(known)
            return
        known.become(new)
        self._balancers[id(new)] = known
        self._changed(known)
        self._naming.ask(known)

    def _count(self, balancer: Balancer) -> None:
        layout, upstream = self.worker.layout, balancer.upstream
        for state in balancer.states:
            name = upstream.peers[state.index].name
            if upstream.live:
                state.counters = layout.live_connects(upstream.name, name)
            else:
                number = layout.upstream(upstream.name)
                state.counters = layout.connects(number, layout.peer(number, name))
        self.worker.health.attach(balancer)

    def _changed(self, balancer: Balancer) -> None:
        """A name has other addresses now."""
        self._count(balancer)
        drop_removed(self.worker, balancer)

    def error_lines_lost(self) -> int:
        """Lines that error logs could not write."""
        return sum(log.lost for log in self._logs.values())

    def log(self, targets: tuple[ErrorLogTarget, ...]) -> ErrorLog:
        """The error log of a block; the main context's when it has none of its own."""
        known = self._logs.get(targets)
        if known is None:
            known = self._logs[targets] = ErrorLog(targets, self.worker.birth.files, time.time, os.getpid)
        return known

    def _target(self, number: int, settings: Settings) -> Target:
        target = Target.of(
            number, settings, self.log(settings.error_logs), self.access_logs.writers(settings.access_logs)
        )
        self.made.append(target)
        self.speak_tls(target, settings.upstream_tls)
        return target

    def speak_tls(self, target: Target, tls: UpstreamTls) -> None:
        """Have a target speak TLS to its upstream as these settings say, or none."""
        target.upstream_context = target.upstream_certificates = target.upstream_sessions = None
        if not tls.on:
            return
        target.upstream_context = context = self._upstream_context(tls)
        if tls.templates:
            target.upstream_certificates = self._upstream_certificates(tls)
        elif tls.session_reuse:
            target.upstream_sessions = self._upstream_sessions.setdefault(context, TlsSessions())

    def service_target(self, service: Service) -> Target:
        """A target of no route that goes to a service."""
        target = self._target(0, service.settings)
        self.made.pop()  # it goes when the services change
        target.service = service
        target.service_name = service.name
        target.balancer = self.balancer(service.upstream)
        return target

    def _upstream_certificates(self, tls: UpstreamTls) -> Certificates:
        known = self._certificates.get(tls)
        if known is None:
            known = self._certificates[tls] = Certificates(
                tls.templates,
                tls.certificate_cache,
                lambda pairs: upstream_context(replace(tls, pair=pairs[0] if pairs else None)),
            )
        return known

    def _server_certificates(self, tls: ServerTls) -> Certificates:
        def make(pairs: tuple[KeyPair, ...]) -> ssl.SSLContext:
            context = blank()
            fill(context, replace(tls, pairs=pairs))
            return context

        known = self._certificates.get(tls)
        if known is None:
            known = self._certificates[tls] = Certificates(tls.templates, tls.certificate_cache, make)
        return known

    def _upstream_context(self, tls: UpstreamTls) -> ssl.SSLContext:
        known = self._upstream_contexts.get(tls)
        if known is None:
            if len(self._upstream_contexts) >= UPSTREAM_CONTEXTS:  # whose targets hold on to it
                oldest = self._upstream_contexts.pop(next(iter(self._upstream_contexts)))
                self._upstream_sessions.pop(oldest, None)
            known = self._upstream_contexts[tls] = upstream_context(tls)
        return known

    def _server_target(self, index: int) -> Target:
        server = self.stream.servers[index]
        target = self._target(self.worker.layout.server_target(index), server.settings)
        target.server_name = shown_name(server.names, sources.hostname)
        handler = server.handler
        if isinstance(handler, ProxyPass):
            target.service_name = handler.text
            target.template = handler.template
            if handler.upstream is not None:
                target.balancer = self.balancer(handler.upstream)
        elif isinstance(handler, Return):
            target.reply = handler.value
        elif isinstance(handler, Pass):
            target.passes = handler
        if any(listen.ssl for listen in server.listens):
            tls = server.settings.tls
            target.server_context = self._server_contexts.get(context_key(tls))
            if tls.templates and not tls.reject_handshake:
                target.certificates = self._server_certificates(tls)
        return target

    def _gateway(self) -> tuple[GatewayTables | None, Target | None]:
        """The gateway's tables and the target of its connections that have no route yet; None without listeners."""
        gateway = self.stream.gateway
        if not gateway.listens:
            return None, None
        live = self.worker.birth.live
        self._route_targets = RouteTargets(gateway.routes, self._route_target)
        if live is not None:
            self.live = LiveTables(self.worker, self, live, self._route_targets)
        self._route_targets.prepare()
        return GatewayTables(gateway, self._route_targets, live), self._target(0, gateway.settings)

    def _route_target(self, index: int) -> Target:
        gateway = self.stream.gateway
        if index < len(gateway.routes):
            return self._target_of(self.worker.layout.route_target(index), gateway.routes[index])
        assert self.live is not None
        target = self._target_of(*self.live.route(index))
        self.made.pop()  # it goes when its route does
        return target

    def _target_of(self, number: int, route: Route) -> Target:
        gateway = self.stream.gateway
        target = self._target(number, route.settings)
        target.route = route
        target.route_name = route.name
        if route.service is not None:
            target.service = route.service
            target.service_name = route.service.name
            target.balancer = self.balancer(route.service.upstream)
        # the gateway's own rules were applied at the door
        target.has_limits = route.settings.limits != gateway.settings.limits and bool(route.settings.limits)
        target.has_access = route.settings.access != gateway.settings.access and bool(route.settings.access)
        if "tls" in route.protocols:
            target.certificate_contexts = self._certificate_contexts(route.settings.tls)
        if self.worker.kit is not None:
            self.worker.kit.plug(target)
        return target

    def _certificate_contexts(self, tls: ServerTls) -> ByCertificate:
        """The contexts of routes with these rules, by the number of the certificate, None for the default."""
        known = self._by_certificate.get(tls)
        if known is None and self.live is not None:
            known = self._by_certificate[tls] = self.live.contexts(tls, self._server_contexts)
        if known is None:
            gateway = self.stream.gateway
            pairs = {None: default_pairs(gateway)} | {
                number: certificate.pairs for number, certificate in enumerate(gateway.certificates)
            }
            each = {number: gateway_tls(tls, some) for number, some in pairs.items()}
            known = {number: (self._server_contexts[context_key(one)], one) for number, one in each.items()}
            self._by_certificate[tls] = known
        return known
