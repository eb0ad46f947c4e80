"""What a generation serves: its file with the records, made into routes, services, upstreams and certificates.

The master makes it before it forks, so that a worker is born with everything; then each process applies the same
changes in the same order, at the cost of what they touch. The file's own routes and certificates are older than all
records.

A route's object in the router says where it matches; what its sessions obey is asked for when the first of them comes
(`route`), so that a change of a service costs little however many routes it has.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import partial
from typing import Final

from ..certificate_choice import CertificateChoice
from ..model.stream import Certificate, Configuration, Gateway, Route
from ..model.tls import KeyPair
from ..model.upstream import Upstream
from ..refusal import Refusal
from ..router import Router
from .ages import Ages
from .cells import Cells
from .certificates import authorities_of, certificate_of, pairs_of
from .delta import Delta, Touched
from .plugins import Uses
from .records import HOST, KINDS, Change, Record, Records, in_order, reference
from .routes import PASSTHROUGH, label_of, route_of
from .services import Made, service_of, speaks
from .services import label_of as service_label
from .upstreams import Implicit, upstream_of

MALFORMED: Final = (LookupError, TypeError, ValueError, AttributeError)
"""What a record raises that is not as its schema says."""


class Live:
    """See the module."""

    def __init__(self, configuration: Configuration, records: Records | Iterable[tuple[str, Record]] = ()) -> None:
        stream = configuration.stream
        self.file: Gateway = stream.gateway
        self._file_upstreams = stream.upstreams
        self._resolver = stream.gateway.settings.resolver
        self.records = records.copy() if isinstance(records, Records) else in_order(records)
        self.cells = Cells()
        self.complaints: list[str] = []
        """What could not be made of the records at the beginning."""
        self._route_ages, self._certificate_ages = Ages(), Ages()
        self._routes: dict[int, Route] = {}
        self._route_ids: dict[int, str] = {}
        self._numbers: dict[int, int] = {}
        self._certificates: dict[int, Certificate] = {}
        self._services: dict[str, Made] = {}
        self._upstreams: dict[str, Upstream] = {}
        self._by_name: dict[str, str] = {}
        """The ids of upstreams by name in lower case."""
        self.implicit = Implicit(self._resolver)
        self.uses = Uses(self.records)
        self._begin()
        self.router = Router(self.file.routes, self._routes)
        self.router.prepare()
        self.refusal = Refusal(self.file.routes, self._routes)
        self.choice = CertificateChoice(self.file.certificates, self._certificates)

    def _begin(self) -> None:
        delta = Delta(complaints=self.complaints)
        every = self.records.every
        for record in every("upstreams"):
            self._by_name[str(record["name"]).lower()] = record["id"]
        self._make("upstream", [each["id"] for each in every("upstreams")], self._make_upstream, delta)
        self._make("service", [each["id"] for each in every("services")], self._make_service, delta)
        self._make("certificate", [each["id"] for each in every("certificates")], self._make_certificate, delta)
        self._make("route", [each["id"] for each in every("routes")], self._make_route, delta)

    def _make(self, what: str, identities: Iterable[str], make: Callable[[str, Delta], object], delta: Delta) -> None:
        """Make records into something, each by itself: one that is not as it should be takes no other along."""
        for identity in identities:
            try:
                make(identity, delta)
            except MALFORMED as error:
                delta.complaints.append(f"{what} {identity} cannot be used ({type(error).__name__}: {error})")

    # What is asked for.

    def route(self, age: int) -> Route:
        """A record's route as its sessions find it now."""
        route = self._routes[age]
        record = self.records.get("routes", self._route_ids[age])
        assert record is not None
        made = self._made_of(record)
        plugins = self.uses.of("routes", record["id"], record)
        if made is None:
            return replace(route, service=None, settings=self.file.settings, plugins=plugins)
        settings = made.passing if PASSTHROUGH in route.protocols else made.service.settings
        return replace(route, service=made.service, settings=settings, plugins=plugins)

    def service_of(self, age: int) -> str:
        """The id of a record's route's service, or an empty text."""
        record = self.records.get("routes", self._route_ids[age])
        return (reference(record, "service") if record is not None else None) or ""

    def number(self, age: int) -> int:
        """The number of a record's route among the counters."""
        return self._numbers[age]

    def upstream(self, identity: str) -> Upstream:
        """The upstream of a record."""
        return self._upstreams[identity]

    def upstreams(self) -> Iterator[Upstream]:
        """Every upstream of a record."""
        return iter(self._upstreams.values())

    def certificate(self, age: int) -> Certificate:
        """A record's certificate."""
        return self._certificates[age]

    def services(self) -> Iterator[Made]:
        """Every service that records bring."""
        return iter(self._services.values())

    def gateway(self) -> Gateway:
        """The file and the records as one, for explanations; costs what there is."""
        routes = tuple([self.route(age) for age in sorted(self._routes)])
        certificates = tuple([self._certificates[age] for age in sorted(self._certificates)])
        return replace(
            self.file,
            routes=self.file.routes + routes,
            services=self.file.services + tuple([made.service for made in self._services.values()]),
            certificates=self.file.certificates + certificates,
        )

    # Changes.

    def apply(self, changes: Iterable[Change]) -> Delta:
        """Let records change; the tables know it at once."""
        delta = Delta()
        touched = Touched()
        for change in changes:
            if change.kind not in KINDS:
                continue
            try:
                before = self.records.put(change.kind, change.id, change.after)
                self._touch(change, before, touched, delta)
            except MALFORMED as error:
                text = f"{change.kind} {change.id} cannot be used ({type(error).__name__}: {error})"
                delta.complaints.append(text)
        self._make("upstream", touched.upstreams, self._make_upstream, delta)
        self._make("service", touched.services, partial(self._remake_service, touched), delta)
        self._make("certificate", touched.certificates, self._remake_certificate, delta)
        self._make("route", touched.routes, self._remake_route, delta)
        delta.implicit, delta.left = self.implicit.news()
        return delta

    def _touch(self, change: Change, before: Record | None, touched: Touched, delta: Delta) -> None:
        """Note what a change of one record changes."""
        users = self.records.users
        both = [each for each in (before, change.after) if each is not None]
        match change.kind:
            case "routes":
                touched.routes[change.id] = None
            case "services":
                touched.services[change.id] = None
            case "certificates":
                touched.certificates[change.id] = None
                self._touch_pair(change.id, touched)
            case "snis":
                touched.certificates |= dict.fromkeys(r["certificate"]["id"] for r in both)
            case "ca_certificates":
                touched.services |= dict.fromkeys(users("ca_certificates", change.id, "services"))
            case "upstreams":
                touched.upstreams[change.id] = None
                for record in both:
                    name = record["name"].lower()
                    if record is change.after:
                        self._by_name[name] = change.id
                    elif self._by_name.get(name) == change.id:
                        del self._by_name[name]
                    touched.services |= dict.fromkeys(users(HOST, name, "services"))
            case "targets":
                touched.upstreams |= dict.fromkeys(r["upstream"]["id"] for r in both)
            case "plugins":
                self._touch_plugin(change.id, both, touched, delta)

    def _touch_pair(self, certificate: str, touched: Touched) -> None:
        """Who shows a certificate to upstreams."""
        users = self.records.users
        touched.services |= dict.fromkeys(users("certificates", certificate, "services"))
        for identity in users("certificates", certificate, "upstreams"):
            record = self.records.get("upstreams", identity)
            assert record is not None
            touched.services |= dict.fromkeys(users(HOST, record["name"].lower(), "services"))

    def _touch_plugin(self, identity: str, both: list[Record], touched: Touched, delta: Delta) -> None:
        delta.plugins = True
        self.uses.changed(identity)
        for record in both:
            route, service = reference(record, "route"), reference(record, "service")
            if route is not None:
                age = self._route_ages.known(route)
                delta.stale |= set() if age is None else {age}
            elif service is not None:
                touched.services[service] = None
            else:
                delta.everywhere = True

    # Upstreams.

    def _make_upstream(self, identity: str, delta: Delta) -> None:
        record = self.records.get("upstreams", identity)
        if record is None:
            if self._upstreams.pop(identity, None) is not None:
                delta.upstreams[identity] = None
            return
        ids = self.records.users("upstreams", identity, "targets")
        targets = [target for each in ids if (target := self.records.get("targets", each)) is not None]
        upstream = upstream_of(record, targets, self._resolver, delta.complaints.append)
        self._upstreams[identity] = delta.upstreams[identity] = upstream
        self._count_peers(upstream)
        for service in self.records.users(HOST, record["name"].lower(), "services"):
            made = self._services.get(service)
            if made is not None and made.balanced == identity:
                self._services[service] = replace(made, service=replace(made.service, upstream=upstream))

    def _count_peers(self, upstream: Upstream) -> None:
        for peer in upstream.peers:
            self.cells.peers.number((upstream.name, peer.name))

    def _upstream_of(self, service: Record) -> tuple[Upstream, str | None]:
        """Where a service leads, and the id of the upstream's record if it is one. The file's come first."""
        name = service["host"].lower()
        self.implicit.leave(service["id"])
        written = self._file_upstreams.get(name)
        if written is not None:
            return written, None
        identity = self._by_name.get(name)
        if identity is not None:
            return self._upstreams[identity], identity
        implicit = self.implicit.stand_for(service)
        self._count_peers(implicit)
        return implicit, None

    # Services.

    def _make_service(self, identity: str, _delta: Delta) -> None:
        record = self.records.get("services", identity)
        if record is None or not speaks(record):
            self._services.pop(identity, None)
            self.implicit.leave(identity)
            return
        upstream, balanced = self._upstream_of(record)
        pair = self._pair(record)
        if pair is None and balanced is not None:
            pair = self._pair(self.records.get("upstreams", balanced))
        authorities = [
            authority
            for each in record.get("ca_certificates") or ()
            if (authority := self.records.get("ca_certificates", each)) is not None
        ]
        self._services[identity] = service_of(
            record,
            self.file,
            upstream,
            balanced,
            authorities_of(authorities) if authorities else None,
            pair,
            self.uses.of("services", identity, record),
        )

    def _pair(self, record: Record | None) -> KeyPair | None:
        """The client certificate of a service or upstream."""
        certificate = None if record is None else reference(record, "client_certificate")
        found = self.records.get("certificates", certificate)
        return None if found is None else pairs_of(found)[0]

    def _remake_service(self, touched: Touched, identity: str, delta: Delta) -> None:
        before = self._services.get(identity)
        self._make_service(identity, delta)
        after = self._services.get(identity)
        delta.services.add(identity)
        routes = self.records.users("services", identity, "routes")
        if (before is None or before.service.enabled) is not (after is None or after.service.enabled):
            touched.routes |= dict.fromkeys(routes)
        elif (before and before.service.name) != (after and after.service.name):
            for route in routes:
                age = self._route_ages.known(route)
                if age is not None and age in self._routes:
                    self._number(age, route)

    def _made_of(self, route: Record | None) -> Made | None:
        """The service of a route."""
        return None if route is None else self._services.get(reference(route, "service") or "")

    # Routes.

    def _make_route(self, identity: str, _delta: Delta) -> int | None:
        """Make a route, but do not let the tables know; its age."""
        record = self.records.get("routes", identity)
        if record is None:
            return None
        made = self._made_of(record)
        settings = self.file.settings if made is None else made.service.settings
        route = route_of(record, None if made is None else made.service, settings)
        if route is None:
            return None
        age = self._route_ages.of(record)
        self._number(age, identity)
        self._routes[age] = route
        self._route_ids[age] = identity
        return age

    def _number(self, age: int, identity: str) -> None:
        record = self.records.get("routes", identity)
        assert record is not None
        service = self.records.get("services", reference(record, "service"))
        self._numbers[age] = self.cells.routes.number((label_of(record), service_label(service)))

    def _remake_route(self, identity: str, delta: Delta) -> None:
        age = self._route_ages.known(identity)
        before = None if age is None else self._routes.pop(age, None)
        if age is not None and before is not None:
            del self._numbers[age], self._route_ids[age]
            self.router.remove(age, before)
            self.refusal.remove(age, before)
            delta.stale.add(age)
        if self.records.get("routes", identity) is None:
            self._route_ages.forget(identity)
            return
        age = self._make_route(identity, delta)
        if age is not None:
            self.router.insert(age, self._routes[age])
            self.refusal.insert(age, self._routes[age])

    # Certificates.

    def _make_certificate(self, identity: str, _delta: Delta) -> int | None:
        record = self.records.get("certificates", identity)
        if record is None:
            return None
        ids = self.records.users("certificates", identity, "snis")
        names = [sni["name"] for each in ids if (sni := self.records.get("snis", each)) is not None]
        certificate = certificate_of(record, names)
        if certificate is None:
            return None
        age = self._certificate_ages.of(record)
        self._certificates[age] = certificate
        return age

    def _remake_certificate(self, identity: str, delta: Delta) -> None:
        age = self._certificate_ages.known(identity)
        before = None if age is None else self._certificates.pop(age, None)
        if age is not None and before is not None:
            self.choice.remove(age, before)
            delta.certificates.add(age)
        if self.records.get("certificates", identity) is None:
            self._certificate_ages.forget(identity)
            return
        age = self._make_certificate(identity, delta)
        if age is not None:
            self.choice.insert(age, self._certificates[age])
