"""What a scrape says, name by name, and that Prometheus' own linter has nothing to add."""

from __future__ import annotations

import subprocess

from configurations import configuration, route, server
from needs import program, requires
from prometheus_client import generate_latest
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families

from penstock.master.ledger import Ledger
from penstock.master.metrics import Facts, Standing, certificates_of, registry_for
from penstock.shared.counters import BYTES_OUT, STATUS_OFFSET, Layout, make_rows
from penstock.shared.model.settings import Settings
from penstock.shared.model.stream import Certificate, Configuration, Gateway, Main, Stream
from penstock.shared.model.tls import KeyPair, ServerTls, UpstreamTls
from penstock.shared.version import __version__

NAMES = {
    "penstock_sessions_total": {"listener", "route", "service", "status"},
    "penstock_sessions_active": {"listener"},
    "penstock_bytes_total": {"listener", "route", "direction"},
    "penstock_session_duration_seconds_bucket": {"le"},
    "penstock_session_duration_seconds_sum": set(),
    "penstock_session_duration_seconds_count": set(),
    "penstock_upstream_connect_seconds_bucket": {"le"},
    "penstock_upstream_connect_seconds_sum": set(),
    "penstock_upstream_connect_seconds_count": set(),
    "penstock_upstream_connects_total": {"upstream", "peer", "outcome"},
    "penstock_tls_handshakes_total": {"listener", "version", "resumed", "outcome"},
    "penstock_sniff_total": {"listener", "outcome"},
    "penstock_refused_total": {"listener", "reason"},
    "penstock_worker_events_total": {"event"},
    "penstock_workers": set(),
    "penstock_worker_deaths_total": set(),
    "penstock_config_generation": set(),
    "penstock_config_last_reload_success": set(),
    "penstock_config_last_reload_timestamp_seconds": set(),
    "penstock_certificate_expiry_timestamp_seconds": {"subject", "source"},
    "penstock_build_info": {"version", "python", "openssl"},
    "process_start_time_seconds": set(),
}


def scraped(facts: Facts | None = None) -> str:
    """A scrape of one worker that has seen a little of everything."""
    ledger = Ledger()
    layout = Layout(configuration([server([81], "pair")], sniffing=[5555], routes=[route('a"b\\c\nd', "keys")]))
    _, rows = make_rows(layout, 1)
    ledger.add(1, 0, layout, rows[0])
    row = rows[0]
    target = layout.route_target(0)
    row[layout.sessions(1, target) + STATUS_OFFSET[502]] += 3
    row[layout.bytes(1, target) + BYTES_OUT] += 5_000_000_123
    row[layout.active(1)] += 2
    for seconds in (0.004, 0.02, 7200.0):
        layout.session_duration.observe(row, seconds)
    return generate_latest(registry_for(ledger, facts or Facts())).decode()


FACTS = Facts(
    workers=2,
    worker_deaths=1,
    generation=3,
    reload_success=False,
    reload_timestamp=1_700_000_000.5,
    certificates={("CN=gate", "/etc/gate.pem"): 1_900_000_000.0},
)


def values(text: str) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    samples = (sample for family in text_string_to_metric_families(text) for sample in family.samples)
    return {(sample.name, frozenset(sample.labels.items())): sample.value for sample in samples}


def value(name: str, **labels: str) -> float:
    return values(scraped(FACTS))[name, frozenset(labels.items())]


def test_every_metric_has_its_name_and_its_labels() -> None:
    found = {name: {label for label, _ in labels} for name, labels in values(scraped(FACTS))}
    assert {name: labels for name, labels in found.items() if not name.startswith("process_")} == {
        name: labels for name, labels in NAMES.items() if not name.startswith("process_")
    }
    assert "process_start_time_seconds" in found


def test_workers_counters_are_told_with_their_labels() -> None:
    where = {"listener": "127.0.0.1:5555", "route": 'a"b\\c\nd'}
    assert value("penstock_sessions_total", **where, service="keys", status="502") == 3
    assert value("penstock_bytes_total", **where, direction="out") == 5_000_000_123
    assert value("penstock_sessions_active", listener="127.0.0.1:5555") == 2


def test_histograms_are_cumulative_and_in_seconds() -> None:
    assert value("penstock_session_duration_seconds_bucket", le="0.005") == 1
    assert value("penstock_session_duration_seconds_bucket", le="3600.0") == 2
    assert value("penstock_session_duration_seconds_bucket", le="+Inf") == 3
    assert value("penstock_session_duration_seconds_count") == 3
    assert value("penstock_session_duration_seconds_sum") == 7200.024


def test_what_the_master_knows_of_itself() -> None:
    assert value("penstock_workers") == 2
    assert value("penstock_worker_deaths_total") == 1
    assert value("penstock_config_generation") == 3
    assert value("penstock_config_last_reload_success") == 0
    assert value("penstock_config_last_reload_timestamp_seconds") == 1_700_000_000.5
    expiry = {"subject": "CN=gate", "source": "/etc/gate.pem"}
    assert value("penstock_certificate_expiry_timestamp_seconds", **expiry) == 1_900_000_000.0


def test_build_info_names_version_python_and_openssl() -> None:
    (labels,) = (dict(labels) for name, labels in values(scraped()) if name == "penstock_build_info")
    assert labels["version"] == __version__
    assert labels["python"].startswith("3.")
    assert labels["openssl"][0].isdigit()


@requires("promtool")
def test_promtool_is_silent() -> None:
    lint = subprocess.run(
        [program("promtool"), "check", "metrics"], input=scraped(FACTS), capture_output=True, text=True, check=False
    )
    assert (lint.returncode, lint.stdout, lint.stderr) == (0, "", "")


def test_openmetrics_is_well_formed() -> None:
    # prometheus_client's OpenMetrics half carries no annotations
    text = generate_openmetrics(registry_for(Ledger(), FACTS)).decode()  # type: ignore[no-untyped-call]
    families = {family.name: family.type for family in parse_openmetrics(text)}  # type: ignore[no-untyped-call]
    assert families["penstock_sessions"] == "counter"
    assert families["penstock_build"] == "info"
    assert text.endswith("# EOF\n")


def pair(subject: str, not_after: float = 1.0) -> KeyPair:
    return KeyPair(b"", b"", f"/{subject}.pem", f"/{subject}.key", subject=subject, not_after=not_after)


def test_every_certificate_in_use_is_listed_once() -> None:
    shared = Settings(tls=ServerTls(pairs=(pair("server"),)), upstream_tls=UpstreamTls(pair=pair("client")))
    base = configuration([server([1], "a", shared), server([2], "b", shared)], routes=[route("r", "s", shared)])
    gateway = Gateway(certificates=(Certificate((pair("rsa"), pair("ecdsa"), pair("unread", 0.0))),))
    with_certificates = Configuration(Main(), Stream(base.stream.servers, gateway), "/", "f")
    assert set(certificates_of(with_certificates)) == {
        ("server", "/server.pem"),
        ("client", "/client.pem"),
        ("rsa", "/rsa.pem"),
        ("ecdsa", "/ecdsa.pem"),
    }
    assert set(certificates_of(base)) == {("server", "/server.pem"), ("client", "/client.pem")}


def test_the_health_of_peers_and_of_the_database_is_told_where_there_is_any() -> None:
    facts = Facts(peers_up=lambda: {("u", "127.0.0.1:1"): False}, store=lambda: Standing(False, 7))
    told = scraped(facts)
    assert 'penstock_upstream_peer_up{peer="127.0.0.1:1",upstream="u"} 0.0' in told
    assert "penstock_database_reachable 0.0" in told
    assert "penstock_entities_version 7.0" in told
    assert "penstock_database_reachable" not in scraped()
