"""Which route a connection takes: what the rules say, what `penstock explain` says, and what the gateway does."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator
from typing import Final, NamedTuple

import pytest
from catalogs import described
from certs import Authority
from gate import Gate
from peers import Peer
from published import Published
from record_making import put
from routed import LOG, Told, proxy_header, visit

from penstock.master.explain import question_of
from penstock.master.launch import launch_of
from penstock.shared.entities.file_records import file_records
from penstock.shared.entities.schema import thawed
from penstock.shared.explanation import Answer, explain
from penstock.shared.live.records import Record
from penstock.shared.model.stream import Stream
from penstock.shared.sources import sources

HEAD: Final = (
    LOG
    + """
    stream_listen 127.0.0.1:%%PORT_one%%;
    stream_listen 127.0.0.1:%%PORT_ssl%% ssl;
    stream_listen 127.0.0.1:%%PORT_plain%% plain;
    stream_listen [::1]:%%PORT_six%%;
    stream_listen 127.0.0.1:%%PORT_mapped%%;
    stream_listen 127.0.0.1:%%PORT_proxied%% proxy_protocol;
    set_real_ip_from 127.0.0.1;
    port_maps 443:%%PORT_mapped%%;

    certificate { ssl_certificate %%CRT%%; ssl_certificate_key %%KEY%%; }
"""
)
ENTITIES: Final = """
    service up       { url tcp://%%PEER_A%%; }
    service disabled { url tcp://%%PEER_A%%; enabled off; }

    # names
    route exact       { protocols tls;             snis a.names.test;           service up; }
    route wild        { protocols tls;             snis *.names.test;           service up; }
    route wilder      { protocols tls;             snis *.test;                 service up; }
    route deep        { protocols tls;             snis *.deep.names.test;      service up; }
    route prefix      { protocols tls;             snis shop.*;                 service up; }
    route long-prefix { protocols tls;             snis shop.eu.*;              service up; }
    route dotted      { protocols tls;             snis dotted.names.test.;     service up; }
    route several     { protocols tls;             snis m1.many m2.many *.m3.many; service up; }
    route one-label   { protocols tls;             snis vault;                  service up; }
    route raw         { protocols tls_passthrough; snis raw.names.test;         service up; }
    route raw-wild    { protocols tls_passthrough; snis *.raw.names.test;       service up; }
    route older       { protocols tls;             snis tie.example;            service up; }
    route younger     { protocols tls_passthrough; snis tie.example;            service up; }
    route both        { protocols tcp tls;         snis both.example;           service up; }
    route off         { protocols tls;             snis off.names.test;         service disabled; }
    route off-alone   { protocols tls;             snis off.example;            service disabled; }
    route nowhere     { protocols tls;             snis nowhere.example; }
    route upper       { protocols tls;             snis UPPER.Example;          service up; }
    route alphabet    { protocols tls;             snis xn--bcher-kva.example;  service up; }

    # where from
    route src-net        { protocols tcp; sources 198.51.100.0/24;        service up; }
    route src-narrow     { protocols tcp; sources 198.51.100.128/25;      service up; }
    route src-ip         { protocols tcp; sources 198.51.100.200;         service up; }
    route src-ip-port    { protocols tcp; sources 198.51.100.200:7778;    service up; }
    route src-net-port   { protocols tcp; sources 198.51.100.0/24:7779;   service up; }
    route src-port       { protocols tcp; sources :7777;                  service up; }
    route src-two        { protocols tcp; sources 203.0.113.1 203.0.113.2 203.0.113.64/30; service up; }
    route src-older      { protocols tcp; sources 203.0.113.77;           service up; }
    route src-younger    { protocols tcp; sources 203.0.113.77;           service up; }
    route src6-net       { protocols tcp; sources 2001:db8:1::/48;        service up; }
    route src6-ip        { protocols tcp; sources 2001:db8:1::7;          service up; }
    route src6-ip-port   { protocols tcp; sources [2001:db8:1::7]:99;     service up; }
    route src-no-service { protocols tcp; sources 203.0.113.90; }

    # where to
    route dst-net      { protocols tcp; destinations 192.0.2.0/24;         service up; }
    route dst-ip       { protocols tcp; destinations 192.0.2.9;            service up; }
    route dst-ip-port  { protocols tcp; destinations 192.0.2.9:4444;       service up; }
    route dst-net-port { protocols tcp; destinations 192.0.2.0/24:5555;    service up; }
    route dst-port     { protocols tcp; destinations :4444;                service up; }
    route dst6-net     { protocols tcp; destinations 2001:db8:2::/64;      service up; }
    route dst6-port    { protocols tcp; destinations [2001:db8:2::1]:443;  service up; }

    # kinds together
    route ends      { protocols tcp; sources 10.9.0.0/16; destinations :9999; service up; }
    route ends-ip   { protocols tcp; sources 10.9.1.1; destinations :9999;    service up; }
    route end-from  { protocols tcp; sources 10.9.2.2;                        service up; }
    route end-to    { protocols tcp; destinations :9999;                      service up; }
    route tls-ends  { protocols tls; sources 10.8.0.0/16; destinations :8888; service up; }
    route tls-all   { protocols tls; snis k.kinds; sources 10.8.0.0/16; destinations :8886; service up; }
    route tls-name  { protocols tls; snis k.kinds;                            service up; }
    route tls-from  { protocols tls; snis k.kinds; sources 10.8.0.0/16;       service up; }
    route tls-to    { protocols tls; snis k.kinds; destinations :8887;        service up; }
    route from-only { protocols tls; sources 10.8.0.0/16;                     service up; }
    route to-only   { protocols tls; destinations :8888;                      service up; }

    # what is spoken
    route tcp-narrow { protocols tcp;     sources 10.7.0.1; destinations :7000; service up; }
    route tls-wide   { protocols tls;     sources 10.7.0.0/24;                  service up; }
    route tcp-also   { protocols tcp;     sources 10.7.1.0/24;                  service up; }
    route mixed      { protocols tcp tls; sources 10.7.2.0/24;                  service up; }
    route tls-only   { protocols tls;     sources 10.7.3.0/24;                  service up; }

    # listeners of this machine
    route own-plain  { protocols tcp;     destinations :%%PORT_plain%%;         service up; }
    route own-six    { protocols tcp tls; destinations [::1];                   service up; }
    route own-seen   { protocols tcp tls; destinations 127.0.0.1:443;           service up; }
    route own-hidden { protocols tcp tls; destinations :%%PORT_mapped%%;        service up; }
"""

FAR: Final = ("10.0.0.99", 1)
THERE: Final = ("10.200.0.1", 1)
"""Ends that only the widest routes of the networks that they are in speak of, or none."""


class Case(NamedTuple):
    """One connection; with `source` or `to` it comes through a proxy that says so."""

    expected: str
    """The route's name, or `!` and the word of the refusal."""
    sni: str | None = None
    tls: bool = True
    source: tuple[str, int] | None = None
    to: tuple[str, int] | None = None
    at: str = "one"

    def __str__(self) -> str:
        what = (self.sni or "no-name") if self.tls else "plain"
        ends = [f"{word}-{end[0]}-{end[1]}" for word, end in (("from", self.source), ("to", self.to)) if end]
        return "-".join([what, *ends, self.at, "is", self.expected])


def plain(expected: str, source: tuple[str, int] = FAR, to: tuple[str, int] = THERE) -> Case:
    """Plain bytes through a proxy."""
    return Case(expected, None, False, source, to, "proxied")


def sealed(expected: str, sni: str | None, source: tuple[str, int] = FAR, to: tuple[str, int] = THERE) -> Case:
    """TLS through a proxy."""
    return Case(expected, sni, True, source, to, "proxied")


NAMES: Final = [
    Case("exact", "a.names.test"),
    Case("exact", "A.Names.TEST"),
    Case("exact", "a.names.test."),
    Case("wild", "b.names.test"),
    Case("wild", "x.y.names.test"),
    Case("wild", "x.a.names.test"),
    Case("wilder", "names.test"),
    Case("wilder", "other.test"),
    Case("wilder", "a.b.c.d.test"),
    Case("!no_route", "test"),
    Case("deep", "a.deep.names.test"),
    Case("deep", "a.b.deep.names.test"),
    Case("wild", "deep.names.test"),
    Case("prefix", "shop.example"),
    Case("prefix", "shop.us.example"),
    Case("long-prefix", "shop.eu.example"),
    Case("!no_route", "shop"),
    Case("!no_route", "shopping.example"),
    Case("wilder", "shop.test"),  # the wildcards are of one length: the older one
    Case("dotted", "dotted.names.test"),
    Case("several", "m1.many"),
    Case("several", "m2.many"),
    Case("several", "x.m3.many"),
    Case("!no_route", "m3.many"),
    Case("one-label", "vault"),
    Case("!no_route", "vault.example"),
    Case("raw", "raw.names.test"),
    Case("raw-wild", "x.raw.names.test"),
    Case("older", "tie.example"),
    Case("both", "both.example"),
    Case("wild", "off.names.test"),  # as if the disabled service's route were not written
    Case("!no_route", "off.example"),
    Case("!no_service", "nowhere.example"),
    Case("upper", "upper.example"),
    Case("alphabet", "xn--bcher-kva.example"),
    Case("!no_route", "stranger.example"),
    Case("!no_route", None),
    Case("!no_route", None, tls=False),
    Case("exact", "a.names.test", at="ssl"),
    Case("raw", "raw.names.test", at="ssl"),
    Case("!no_route", "stranger.example", at="ssl"),
    Case("!no_route", None, at="ssl"),
    Case("!tls_required", tls=False, at="ssl"),
]

ENDS: Final = [
    plain("src-net", ("198.51.100.1", 1)),
    plain("src-narrow", ("198.51.100.129", 1)),
    plain("src-ip", ("198.51.100.200", 1)),
    plain("src-ip-port", ("198.51.100.200", 7778)),
    plain("src-net-port", ("198.51.100.5", 7779)),
    plain("src-net-port", ("198.51.100.129", 7779)),
    plain("src-ip", ("198.51.100.200", 7779)),
    plain("src-port", ("10.0.0.1", 7777)),
    plain("src-port", ("2001:db8:9::1", 7777), ("2001:db8:9::2", 1)),
    plain("src-port", ("198.51.100.1", 7777)),  # a port alone over a network
    plain("src-two", ("203.0.113.1", 5)),
    plain("src-two", ("203.0.113.2", 5)),
    plain("src-two", ("203.0.113.67", 5)),
    plain("!no_route", ("203.0.113.3", 5)),
    plain("src-older", ("203.0.113.77", 5)),
    plain("src6-net", ("2001:db8:1::1", 5), ("2001:db8:9::2", 1)),
    plain("src6-ip", ("2001:db8:1::7", 5), ("2001:db8:9::2", 1)),
    plain("src6-ip-port", ("2001:db8:1::7", 99), ("2001:db8:9::2", 1)),
    plain("!no_route", ("2001:db8:3::7", 99), ("2001:db8:9::2", 1)),
    plain("!no_service", ("203.0.113.90", 5)),
    plain("dst-net", FAR, ("192.0.2.1", 1)),
    plain("dst-ip", FAR, ("192.0.2.9", 1)),
    plain("dst-ip-port", FAR, ("192.0.2.9", 4444)),
    plain("dst-net-port", FAR, ("192.0.2.1", 5555)),
    plain("dst-ip", FAR, ("192.0.2.9", 5555)),
    plain("dst-port", FAR, ("192.0.2.1", 4444)),
    plain("dst-port", FAR, ("10.200.0.1", 4444)),
    plain("dst6-net", ("2001:db8:9::1", 1), ("2001:db8:2::2", 443)),
    plain("dst6-port", ("2001:db8:9::1", 1), ("2001:db8:2::1", 443)),
    plain("!no_route", ("2001:db8:9::1", 1), ("2001:db8:3::1", 443)),
    plain("src-net", ("198.51.100.1", 1), ("192.0.2.9", 4444)),  # any source over any destination
]

KINDS: Final = [
    plain("ends", ("10.9.5.5", 1), ("10.200.0.1", 9999)),
    plain("ends-ip", ("10.9.1.1", 1), ("10.200.0.1", 9999)),
    plain("ends", ("10.9.2.2", 1), ("10.200.0.1", 9999)),
    plain("end-from", ("10.9.2.2", 1)),
    plain("end-to", FAR, ("10.200.0.1", 9999)),
    plain("!no_route", ("10.9.5.5", 1)),
    sealed("tls-all", "k.kinds", ("10.8.1.1", 1), ("10.200.0.1", 8886)),
    sealed("tls-ends", "k.kinds", ("10.8.1.1", 1), ("10.200.0.1", 8888)),
    sealed("tls-ends", "other.kinds", ("10.8.1.1", 1), ("10.200.0.1", 8888)),
    sealed("tls-ends", None, ("10.8.1.1", 1), ("10.200.0.1", 8888)),
    sealed("tls-from", "k.kinds", ("10.8.1.1", 1), ("10.200.0.1", 8887)),
    sealed("tls-from", "k.kinds", ("10.8.1.1", 1)),
    sealed("tls-to", "k.kinds", FAR, ("10.200.0.1", 8887)),
    sealed("tls-name", "k.kinds"),
    sealed("tls-name", "k.kinds", FAR, ("10.200.0.1", 8888)),
    sealed("from-only", "other.kinds", ("10.8.1.1", 1)),
    sealed("from-only", None, ("10.8.1.1", 1)),
    sealed("to-only", "other.kinds", FAR, ("10.200.0.1", 8888)),
    sealed("to-only", None, FAR, ("10.200.0.1", 8888)),
    sealed("!no_route", "other.kinds"),
]

SPOKEN: Final = [
    sealed("tls-wide", None, ("10.7.0.1", 1), ("10.200.0.1", 7000)),  # TLS is offered to tls routes first
    plain("tcp-narrow", ("10.7.0.1", 1), ("10.200.0.1", 7000)),
    plain("!no_route", ("10.7.0.1", 1)),
    sealed("tcp-also", None, ("10.7.1.1", 1)),
    sealed("tcp-also", "any.name", ("10.7.1.1", 1)),
    sealed("exact", "a.names.test", ("10.7.1.1", 1)),
    plain("tcp-also", ("10.7.1.1", 1)),
    sealed("mixed", None, ("10.7.2.1", 1)),
    plain("mixed", ("10.7.2.1", 1)),
    plain("!no_route", ("10.7.3.1", 1)),
    sealed("tls-only", None, ("10.7.3.1", 1)),
    Case("own-plain", tls=False, at="plain"),
    Case("own-plain", "a.names.test", at="plain"),  # nobody looks for a name there
    Case("own-six", tls=False, at="six"),
    Case("own-six", None, at="six"),
    Case("exact", "a.names.test", at="six"),
    Case("own-seen", tls=False, at="mapped"),
    Case("own-seen", None, at="mapped"),
]

HOSTS: Final = {"six": "::1"}


@pytest.fixture(scope="module", params=["file", "records"])
def gate(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, authority: Authority, peer_a: Peer
) -> Iterator[Gate]:
    """A gateway whose routes stand in the file, and one that is brought the same ones while it runs."""
    pair, folder = authority.issue("routed.test"), tmp_path_factory.mktemp("routing")
    values = {"PEER_A": peer_a, "CRT": pair.crt, "KEY": pair.key}
    if request.param == "file":
        with Gate(folder, f"stream {{ {HEAD} {ENTITIES} }}", **values) as running:
            yield running
        return
    with Published(folder, f"stream {{ {HEAD} }}", **values) as published:
        records = file_records(meant(published), described, 1_790_000_000)
        published.publish(*[put(each.kind, aged(thawed(each.record), age)) for age, each in enumerate(records)])
        yield published


def aged(record: Record, age: int) -> Record:
    """A record that is so much younger than the first."""
    return {**record, "created_at": record["created_at"] + age}


@pytest.fixture(scope="module")
def configured(gate: Gate) -> Stream:
    """What `penstock explain` reads: the file with the routes in it."""
    return meant(gate)


def meant(gate: Gate) -> Stream:
    """The whole configuration, with the ports of a gate."""
    sources.install(time.time, os.getpid, socket.gethostname())
    file = gate.directory / "meant.conf"
    file.write_text(gate.filling.fill(f"events {{}} stream {{ {HEAD} {ENTITIES} }}"))
    return launch_of(str(gate.directory), str(file), "", None, True, ()).load().stream


def explained(gate: Gate, configured: Stream, case: Case) -> Answer:
    """What `penstock explain` would print."""
    words = {"sni": case.sni, "plain": not case.tls}
    words |= {"from": written(case.source)} if case.source else {}
    port = 443 if case.at == "mapped" else gate.port(case.at)
    words["to"] = written(case.to or (HOSTS.get(case.at, "127.0.0.1"), port))
    return explain(configured, question_of(words, configured))


def written(end: tuple[str, int]) -> str:
    """An end as the command takes it."""
    return f"[{end[0]}]:{end[1]}" if ":" in end[0] else f"{end[0]}:{end[1]}"


def happens(gate: Gate, case: Case, mode: str | None) -> tuple[bytes, Told]:
    """The first byte that the client gets, and what was logged; `mode` is how its TLS is to be treated."""
    header = proxy_header(case.source, case.to) if case.source and case.to else b""
    with visit(gate, case.at, HOSTS.get(case.at, "127.0.0.1"), header) as client:
        if not case.tls:
            first = client.plain()
        elif mode == "terminated":
            first = client.tls(case.sni)
        else:
            first = client.hello(case.sni)
        return first, client.told()


@pytest.mark.parametrize("case", [*NAMES, *ENDS, *KINDS, *SPOKEN], ids=str)
def test_what_is_explained_is_what_happens(gate: Gate, configured: Stream, case: Case) -> None:
    answer = explained(gate, configured, case)
    first, told = happens(gate, case, answer.get("client_tls"))
    route = (answer.get("route") or {}).get("name", "")
    refusal = answer.get("refusal", "")
    assert (told.route, told.refusal) == (route, refusal)
    assert (f"!{refusal}" if refusal else route) == case.expected
    assert first == (b"" if refusal else b"a")
    assert told.status == str(answer.get("status", 200))
    assert told.service == ("" if refusal else "up")
