"""Everything that `/metrics` says: the workers' counters out of the ledger, and what the master itself knows."""

from __future__ import annotations

import platform
import ssl
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import groupby
from typing import Final, NamedTuple

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from ..shared.counters import CONNECT_BOUNDS, DURATION_BOUNDS
from ..shared.model.settings import Settings
from ..shared.model.stream import Configuration
from ..shared.model.tls import KeyPair
from ..shared.plugin_counters import CALLS, ERRORS, MICROSECONDS, SLOW, TIMEOUTS
from ..shared.series_zone import SeriesZone
from ..shared.version import __version__
from .ledger import SUM, Family, Key, Ledger
from .plugin_metrics import Traffic, families

COUNTERS: Final = (
    (Family.SESSIONS, "penstock_sessions", "Sessions that ended, by nginx's status."),
    (
        Family.BYTES,
        "penstock_bytes",
        "Bytes received from clients (in) and sent to them (out), open sessions included.",
    ),
    (Family.CONNECTS, "penstock_upstream_connects", "Attempts to reach a peer of an upstream, by how they ended."),
    (Family.HANDSHAKES, "penstock_tls_handshakes", "TLS handshakes with clients, by how they ended."),
    (Family.SNIFF, "penstock_sniff", "Connections whose first bytes were looked at, by what was found."),
    (Family.REFUSED, "penstock_refused", "Sessions that did not come to relaying, by reason."),
    (Family.EVENTS, "penstock_worker_events", "What workers met beside sessions, such as accepts the kernel refused."),
    (Family.PLUGIN_RECORDS, "penstock_plugin_records", "Records in the queues of log plugins, by what became of them."),
)
"""The counters that carry the labels of their family; the encoder adds `_total`."""

PLUGIN_COUNTERS: Final = (
    (CALLS, "penstock_plugin_calls", "Hooks of plugins that ended.", 1),
    (MICROSECONDS, "penstock_plugin_duration_seconds", "How long they took, waiting included.", 1_000_000),
    (SLOW, "penstock_plugin_slow", "Plain hooks that held up all other sessions of their worker.", 1),
    (ERRORS, "penstock_plugin_errors", "Hooks that raised an exception.", 1),
    (TIMEOUTS, "penstock_plugin_timeouts", "Async hooks that were cut off after plugin_timeout.", 1),
)
"""The counters of plugins' phases: the cell, name, text, and how many of it make one."""

HISTOGRAMS: Final = (
    (Family.SESSION_DURATION, "penstock_session_duration_seconds", "How long sessions lasted.", DURATION_BOUNDS),
    (
        Family.UPSTREAM_CONNECT,
        "penstock_upstream_connect_seconds",
        "How long connecting to a peer took.",
        CONNECT_BOUNDS,
    ),
)


class Standing(NamedTuple):
    """How the entities of the Admin API stand."""

    reachable: bool
    """Whether their database can be written to."""
    version: int
    """Of what the workers serve."""


@dataclass(slots=True)
class Facts:
    """What the master tells about itself; it writes these fields when they change."""

    workers: int = 0
    """Workers that are ready and not asked to leave."""
    worker_deaths: int = 0
    """Workers that ended without being asked to."""
    generation: int = 0
    reload_success: bool = True
    """Whether the newest attempt to apply a configuration, the start included, succeeded."""
    reload_timestamp: float = 0.0
    """When the configuration that serves was applied, seconds since the epoch."""
    certificates: Mapping[tuple[str, str], float] = field(default_factory=dict)
    """End of validity by (subject, source)."""
    later_certificates: Callable[[], Mapping[tuple[str, str], float]] = dict
    """The same of certificates that records bring."""
    peers_up: Callable[[], Mapping[tuple[str, str], bool]] = dict
    """Whether peers whose health is checked are in service, by upstream and address."""
    store: Callable[[], Standing | None] = lambda: None
    """Of the Admin API's entities; None without one."""
    series: SeriesZone | None = None
    """The metrics that plugins make up."""
    node: str = ""
    """What this node is called."""


class PenstockCollector(Collector):
    """Gives prometheus_client our families; asked anew at each scrape."""

    def __init__(self, ledger: Ledger, facts: Facts) -> None:
        self._ledger = ledger
        self._facts = facts

    def collect(self) -> Iterator[Metric]:
        """All families, the workers' first."""
        by_family = _by_family(self._ledger.samples())
        for family, name, text in COUNTERS:
            yield _counter(name, text, family, by_family.get(family, {}))
        for family, name, text, bounds in HISTOGRAMS:
            yield _histogram(name, text, bounds, by_family.get(family, {}))
        yield from _plugin_families(by_family.get(Family.PLUGIN_PHASES, {}))
        active = GaugeMetricFamily("penstock_sessions_active", "Sessions that are open.", labels=("listener",))
        for labels, value in by_family.get(Family.ACTIVE, {}).items():
            active.add_metric(labels, value)
        yield active
        peers = GaugeMetricFamily(
            "penstock_upstream_peer_up",
            "Whether a peer whose health is checked gets sessions.",
            labels=("upstream", "peer"),
        )
        for labels, up in sorted(self._facts.peers_up().items()):
            peers.add_metric(labels, up)
        yield peers
        standing = self._facts.store()
        if standing is not None:
            text = "Whether the database of the Admin API answered last."
            yield GaugeMetricFamily("penstock_database_reachable", text, int(standing.reachable))
            text = "The version of the Admin API's entities that workers serve; nodes of a cluster have the same."
            yield GaugeMetricFamily("penstock_entities_version", text, standing.version)
        if (series := self._facts.series) is not None:
            totals = [sum(by_family.get(family, {}).values()) for family in (Family.SESSIONS, Family.ACTIVE)]
            yield from families(series, series.refused, self._facts.node, Traffic(*totals), self._facts.peers_up())
        yield from _master_families(self._facts)


def registry_for(ledger: Ledger, facts: Facts) -> CollectorRegistry:
    """A registry with our families and the `process_*` ones of the master."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(PenstockCollector(ledger, facts))
    ProcessCollector(registry=registry)
    return registry


def certificates_of(configuration: Configuration) -> dict[tuple[str, str], float]:
    """End of validity by (subject, path) of every certificate that a configuration uses."""
    return {(pair.subject, pair.certificate_path): pair.not_after for pair in _pairs(configuration) if pair.not_after}


def _pairs(configuration: Configuration) -> Iterator[KeyPair]:
    gateway = configuration.stream.gateway
    for certificate in gateway.certificates:
        yield from certificate.pairs
    seen: set[int] = set()
    for settings in _settings(configuration):
        if id(settings) in seen:  # routes mostly share their service's
            continue
        seen.add(id(settings))
        yield from settings.tls.pairs
        if settings.upstream_tls.pair is not None:
            yield settings.upstream_tls.pair


def _settings(configuration: Configuration) -> Iterator[Settings]:
    stream = configuration.stream
    yield from (server.settings for server in stream.servers)
    yield stream.gateway.settings
    yield from (service.settings for service in stream.gateway.services)
    yield from (route.settings for route in stream.gateway.routes)


def _by_family(samples: Mapping[Key, int]) -> dict[Family, dict[tuple[str, ...], int]]:
    """The samples of each family in the order of their labels, so that two scrapes are easy to compare."""
    ordered = sorted(samples.items(), key=lambda item: (item[0].family.name, item[0].labels))
    return {
        family: {key.labels: value for key, value in items}
        for family, items in groupby(ordered, key=lambda item: item[0].family)
    }


def _counter(name: str, text: str, family: Family, values: Mapping[tuple[str, ...], int]) -> Metric:
    metric = CounterMetricFamily(name, text, labels=family.value)
    for labels, value in values.items():
        metric.add_metric(labels, value)
    return metric


def _plugin_families(values: Mapping[tuple[str, ...], int]) -> Iterator[Metric]:
    for cell, name, text, scale in PLUGIN_COUNTERS:
        metric = CounterMetricFamily(name, text, labels=("plugin", "phase"))
        for (plugin, phase, what), value in values.items():
            if what == str(cell):
                metric.add_metric((plugin, phase), value / scale if scale != 1 else value)
        yield metric


def _histogram(name: str, text: str, bounds: tuple[float, ...], values: Mapping[tuple[str, ...], int]) -> Metric:
    metric = HistogramMetricFamily(name, text)
    total = 0
    buckets: list[tuple[str, float]] = []
    for number, bound in enumerate((*map(repr, bounds), "+Inf")):
        total += values.get((str(number),), 0)
        buckets.append((bound, total))
    metric.add_metric((), buckets, sum_value=values.get((SUM,), 0) / 1_000_000)
    return metric


def _master_families(facts: Facts) -> Iterable[Metric]:
    expiry = GaugeMetricFamily(
        "penstock_certificate_expiry_timestamp_seconds",
        "End of validity of the certificates in use, seconds since the epoch.",
        labels=("subject", "source"),
    )
    for labels, not_after in sorted({**facts.certificates, **facts.later_certificates()}.items()):
        expiry.add_metric(labels, not_after)
    build = {"version": __version__, "python": platform.python_version(), "openssl": openssl_version()}
    return (
        GaugeMetricFamily("penstock_workers", "Workers that accept connections.", facts.workers),
        CounterMetricFamily(
            "penstock_worker_deaths", "Workers that ended without being asked to.", facts.worker_deaths
        ),
        GaugeMetricFamily("penstock_config_generation", "The number of the configuration in use.", facts.generation),
        GaugeMetricFamily(
            "penstock_config_last_reload_success",
            "Whether the last start or reload of the configuration succeeded.",
            int(facts.reload_success),
        ),
        GaugeMetricFamily(
            "penstock_config_last_reload_timestamp_seconds",
            "When the configuration in use was applied, seconds since the epoch.",
            facts.reload_timestamp,
        ),
        expiry,
        InfoMetricFamily("penstock_build", "What this Penstock was made of.", build),
    )


def openssl_version() -> str:
    """The number of the OpenSSL that `ssl` is linked to."""
    words = ssl.OPENSSL_VERSION.split()
    return words[1] if len(words) > 1 else ssl.OPENSSL_VERSION
