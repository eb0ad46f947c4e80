"""What would happen to a connection, and why: `penstock explain` and the Admin API's `/explain`.

The decisions are those of the worker: the same router, certificate choice, server names, access rules and upstream
names. The answer is plain data (JSON's types), so that it can cross a process' border; `explanation_text` makes it
readable. Limits, rates and the health of peers are not decided here, since they depend on the moment.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from socket import AF_INET6, AF_UNIX
from typing import Any, Final

from .access_rules import deciding_rule
from .conditions import Candidate, Seen
from .imagined import Imagined, Question
from .model.address import Address, ipv4
from .model.listen import Listen, Mode
from .model.settings import AccessRule, Settings
from .model.stream import Gateway, Pass, ProxyPass, Return, Route, Server, Service, Stream
from .model.tls import KeyPair
from .model.upstream import Upstream
from .model.where import NOWHERE, Where
from .server_names import HOSTNAME, ServerNames, shown_name
from .sources import sources
from .tables import Tables, file_tables
from .upstream_name import host_of, upstream_name

Answer = dict[str, Any]
"""JSON's types only."""

CANDIDATES: Final = 20
"""Routes that are listed."""
WILDCARDS: Final = ("0.0.0.0", "::")
SELF_SIGNED: Final = "CN=localhost"


def explain(stream: Stream, question: Question, tables: Tables | None = None) -> Answer:
    """The whole way of one connection; see the module. Never raises for a question that can be asked.

    `tables` are what a gateway that serves decides with; without them they are made of the configuration file.
    """
    answer: Answer = {"connection": _connection(question)}
    port = stream.gateway.listened_port(question.destination[1])
    listen, server = _listener(stream, question.destination[0], port)
    told = None if listen is not None else _told(stream.gateway)
    listen = listen or told
    if listen is None:
        return answer | {"listener": None, "outcome": "refused", "reason": _no_listener(stream, question)}
    imagined = Imagined(question, _local(listen, question))
    answer["listener"] = {"address": str(listen.address), "mode": listen.mode.value, **_place(listen.where)}
    if told is not None:
        answer["listener"]["proxied"] = True
    if server is not None:
        return answer | _Served(stream, imagined, listen).answer()
    return answer | _Routed(stream.gateway, tables or file_tables(stream.gateway), imagined, listen).answer()


def first_destination(stream: Stream) -> tuple[str, int]:
    """Where a question without a destination goes: to the gateway's first listener, else to the first server's."""
    listens = [*stream.gateway.listens, *(each for server in stream.servers for each in server.listens)]
    for listen in listens:
        if listen.address.family != AF_UNIX and not listen.udp:
            return _reachable(listen.address), stream.gateway.seen_port(listen.address.port)
    return "127.0.0.1", 0


class _Routed:
    """The way through the sniffing gateway."""

    def __init__(self, gateway: Gateway, tables: Tables, imagined: Imagined, listen: Listen) -> None:
        self._gateway = gateway
        self._tables = tables
        self._imagined = imagined
        self._listen = listen
        question = imagined.question
        self._tls = question.tls and listen.mode is not Mode.PLAIN
        self._destination = (imagined.local.host, question.destination[1])
        self._seen = Seen(self._tls, question.sni if self._tls else None, question.source, self._destination)

    def answer(self) -> Answer:
        gateway, question = self._gateway, self._imagined.question
        denied = _denied(gateway.settings.access, question)
        if denied:
            return denied
        sniff = "not looked at" if self._listen.mode is Mode.PLAIN else "tls" if self._tls else "plain"
        if not question.tls and self._listen.mode is Mode.TLS:
            return {"sniff": sniff} | _refused(400, "tls_required", 'plain bytes on a listener with "ssl"')
        if self._tls:
            self._imagined.greet()
        return {"sniff": sniff} | self._matched()

    def _matched(self) -> Answer:
        gateway, question = self._gateway, self._imagined.question
        router = self._tables.router
        index = router.match(tls=self._tls, sni=self._seen.name, source=question.source, destination=self._destination)
        if index is None:
            plain = not self._tls and not router.takes_plain
            word, status = ("plain_refused", 400) if plain else ("no_route", 500)
            return {"route": None} | _refused(status, word, self._tables.refusal.no_route(self._seen))
        route = self._tables.route(index)
        candidates = router.explain(self._tls, self._seen.name, question.source, self._destination)
        answer: Answer = {"route": _route(route), **_because(candidates)}
        self._imagined.route_name = route.name
        if route.settings.access != gateway.settings.access:
            denied = _denied(route.settings.access, question)
            if denied:
                return answer | denied
        if route.service is None:
            return answer | _refused(503, "no_service", f'route "{route.name}" has no service')
        self._imagined.service_name = route.service.name
        return answer | self._proxied(route, route.service)

    def _proxied(self, route: Route, service: Service) -> Answer:
        ends = self._tls and "tls" in route.protocols
        mode = "terminated" if ends else "passed through" if self._tls else "none"
        answer: Answer = {"client_tls": mode}
        if ends:
            answer["certificate"] = self._certificate()
            answer["client_verify"] = route.settings.tls.verify_client
        return (
            answer
            | {"service": _service(service)}
            | _upstream(self._imagined, route.settings, route, service.upstream)
            | {"outcome": "proxied"}
        )

    def _certificate(self) -> Answer:
        number = self._tables.choice.choose(self._imagined.name)
        if number is None:
            return {"subject": [SELF_SIGNED], "names": [], "default": True, "self_signed": True}
        chosen = self._tables.certificate(number)
        return {
            "subject": _subjects(chosen.pairs),
            "names": list(chosen.snis),
            "default": not chosen.snis,
            **_place(chosen.where),
        }


class _Served:
    """The way through `server {}` blocks."""

    def __init__(self, stream: Stream, imagined: Imagined, listen: Listen) -> None:
        self._stream = stream
        self._imagined = imagined
        self._listen = listen
        self._servers = [
            (each, server)
            for server in stream.servers
            for each in server.listens
            if each.address == listen.address and not each.udp
        ]

    def answer(self) -> Answer:
        imagined = self._imagined
        default = next((server for each, server in self._servers if each.default_server), self._servers[0][1])
        denied = _denied(default.settings.access, imagined.question)
        if denied:
            return {"server": _server(default)} | denied
        reads = self._listen.ssl or default.settings.ssl_preread
        if reads:
            imagined.greet()
        server = self._named(default) if self._listen.ssl else default
        answer: Answer = {"sniff": ("tls" if imagined.question.tls else "plain") if reads else "not looked at"}
        answer["server"] = _server(server)
        imagined.server_name = shown_name(server.names, sources.hostname)
        if server is not default and server.settings.access != default.settings.access:
            denied = _denied(server.settings.access, imagined.question)
            if denied:
                return answer | denied
        if self._listen.ssl and not imagined.question.tls:
            return answer | _refused(
                500, "client_tls", 'the listener has "ssl": a client that speaks no TLS is refused'
            )
        if self._listen.ssl and server.settings.tls.reject_handshake:
            return answer | _refused(500, "client_tls", '"ssl_reject_handshake" is on')
        for name, template in server.settings.sets:
            imagined.values[name] = template.render(imagined)
        if self._listen.ssl:
            answer |= {"client_tls": "terminated", "certificate": {"subject": _subjects(server.settings.tls.pairs)}}
            answer["client_verify"] = server.settings.tls.verify_client
        return answer | self._handled(server)

    def _named(self, default: Server) -> Server:
        names = ServerNames()
        for number, (_, server) in enumerate(self._servers):
            for name in server.names:
                names.add(sources.hostname if name == HOSTNAME else name, number)
        number_found = names.find(self._imagined.question.sni, self._imagined.values)
        return default if number_found is None else self._servers[number_found][1]

    def _handled(self, server: Server) -> Answer:
        handler, imagined = server.handler, self._imagined
        if isinstance(handler, Return):
            return {"outcome": "answered", "text": handler.value.render(imagined)}
        if isinstance(handler, Pass):
            return {"outcome": "handed over", "to": handler.template.render(imagined)}
        if not isinstance(handler, ProxyPass):
            return {"outcome": "closed", "reason": "the server has neither proxy_pass, return nor pass"}
        upstream = handler.upstream
        answer: Answer = {"outcome": "proxied", "proxy_pass": handler.text}
        if upstream is None and handler.template is not None:
            text = handler.template.render(imagined)
            answer["rendered"] = text
            upstream = self._stream.upstreams.get(text)
            if upstream is None and not text:
                return answer | _refused(500, "internal", "proxy_pass is empty for this connection")
        return answer | (_upstream(imagined, server.settings, None, upstream) if upstream is not None else {})


def _connection(question: Question) -> Answer:
    return {
        "tls": question.tls,
        "sni": question.sni,
        "alpn": list(question.alpn),
        "from": _end(*question.source),
        "to": _end(*question.destination),
    }


def _listener(stream: Stream, host: str, port: int) -> tuple[Listen | None, Server | None]:
    """What answers an address: the listener of exactly it, else the wildcard's, as the kernel has it."""
    known: list[tuple[Listen, Server | None]] = [(each, None) for each in stream.gateway.listens]
    known += [(each, server) for server in stream.servers for each in server.listens if not each.udp]
    here = [one for one in known if one[0].address.port == port and one[0].address.family != AF_UNIX]
    best = min(here, key=lambda one: _distance(one[0], host), default=None)
    return (None, None) if best is None or _distance(best[0], host) == FAR else best


FAR: Final = 9


def _distance(listen: Listen, host: str) -> int:
    own = listen.address.host
    if own == host:
        return 0
    if not host:
        return 1
    if own not in WILDCARDS:
        return FAR
    if (own == "::") == (":" in host):
        return 2
    return 3 if own == "::" and not listen.ipv6only else FAR


def _told(gateway: Gateway) -> Listen | None:
    """Where a connection to an address of others may come in: with a PROXY header that tells of it and is believed."""
    settings = gateway.settings
    if not settings.real_ip_from and not settings.real_ip_from_unix:
        return None
    return next((listen for listen in gateway.listens if listen.proxy_protocol), None)


def _local(listen: Listen, question: Question) -> Address:
    host = question.destination[0] or _reachable(listen.address)
    return Address(AF_INET6, host, listen.address.port) if ":" in host else ipv4(host, listen.address.port)


def _reachable(address: Address) -> str:
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(address.host, address.host)


def _no_listener(stream: Stream, question: Question) -> str:
    listens = [*stream.gateway.listens, *(each for server in stream.servers for each in server.listens)]
    some = ", ".join(dict.fromkeys(each.label for each in listens)) or "nothing"
    return f"nothing listens on {_end(*question.destination)} (the configuration listens on {some})"


def _denied(rules: tuple[AccessRule, ...], question: Question) -> Answer | None:
    rule = deciding_rule(rules, question.source[0])
    if rule is None or rule.allow:
        return None
    what = "unix:" if rule.unix else "all" if rule.network is None else str(rule.network)
    return _refused(403, "denied", f"access forbidden by rule: deny {what}") | _place(rule.where)


def _refused(status: int, word: str, reason: str) -> Answer:
    return {"outcome": "refused", "status": status, "refusal": word, "reason": reason}


def _because(candidates: Sequence[Candidate]) -> Answer:
    """The other routes that match, and why each stands behind the one before it."""
    return {
        "beats": [
            {"route": loser.route.name, "because": winner.beats_next}
            for winner, loser in pairwise(candidates[: CANDIDATES + 1])
        ]
    }


def _route(route: Route) -> Answer:
    return {"name": route.name, "protocols": sorted(route.protocols), **_place(route.where)}


def _server(server: Server) -> Answer:
    return {"names": list(server.names), **_place(server.where)}


def _service(service: Service) -> Answer:
    return {
        "name": service.name,
        "protocol": service.protocol,
        "host": service.host,
        "port": service.port,
        "retries": service.retries,
        **_place(service.where),
    }


def _upstream(imagined: Imagined, settings: Settings, route: Route | None, upstream: Upstream) -> Answer:
    tls = settings.upstream_tls
    answer: Answer = {
        "upstream": {
            "name": upstream.name,
            "balancing": upstream.method,
            "peers": [_peer(peer) for peer in upstream.peers],
        },
        "connect_timeout": settings.proxy.connect_timeout,
        "upstream_tls": None,
    }
    if tls.on:
        hosts = dict.fromkeys(host_of(peer) for peer in upstream.peers)
        name = upstream_name(imagined, tls, route, upstream, next(iter(hosts), ""))
        answer["upstream_tls"] = {"sni": name.sni, "verify": tls.verify, "name": name.verify if tls.verify else None}
    return answer


def _peer(peer: Any) -> Answer:
    found: Answer = {"peer": peer.name, "address": None if peer.address is None else str(peer.address)}
    found["weight"] = peer.weight
    for word in ("backup", "down"):
        if getattr(peer, word):
            found[word] = True
    return found


def _subjects(pairs: Iterable[KeyPair]) -> list[str]:
    return [pair.subject for pair in pairs]


def _place(where: Where) -> Answer:
    return {} if where == NOWHERE else {"where": str(where)}


def _end(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
