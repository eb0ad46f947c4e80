"""The configuration file as records."""

from __future__ import annotations

from typing import Any

import pytest
from builds import stream
from catalogs import NOW, described

from penstock.shared.entities.catalog import Catalog
from penstock.shared.entities.changes import FileRecord
from penstock.shared.entities.file_records import file_records
from penstock.shared.entities.kinds import SCHEMAS, shown_fields
from penstock.shared.entities.schema import thawed
from penstock.shared.pairs import self_signed

TEXT = """
stream_listen 127.0.0.1:5555;
upstream pool { hash $remote_addr consistent; server 127.0.0.1:1 weight=5; server 127.0.0.1:2 down; server [::1]:3; }
upstream quick { least_conn; server 127.0.0.1:1; }
service orders { url tcp://127.0.0.1:5432; retries 3; connect_timeout 2s; plugin ip-restriction { allow 10.0.0.0/8; } }
service pooled { host pool; protocol tls; tls_verify off; }
route named { protocols tls; snis a.test *.b.test; service orders; preserve_host on; }
route placed { protocols tcp; sources 10.0.0.0/8 10.1.1.1; destinations :5555 [::1]:1; }
certificate { snis a.test b.test; ssl_certificate a.pem; ssl_certificate_key a.key; }
"""


@pytest.fixture(scope="module")
def records() -> tuple[FileRecord, ...]:
    pair = self_signed(("a.test",), "ecdsa")
    files = {"a.pem": pair.certificate, "a.key": pair.key}
    return file_records(stream(TEXT, files), described, int(NOW))


def named(records: tuple[FileRecord, ...], kind: str, name: str) -> dict[str, Any]:
    (found,) = [each.record for each in records if each.kind == kind and each.record["name"] == name]
    return dict(thawed(found))


def kinds(records: tuple[FileRecord, ...], kind: str) -> list[dict[str, Any]]:
    return [thawed(each.record) for each in records if each.kind == kind]


def test_every_record_has_all_keys_and_is_right(records: tuple[FileRecord, ...]) -> None:
    for each in records:
        assert set(each.record) == set(SCHEMAS[each.kind].fields)
        if each.kind != "plugins":
            assert SCHEMAS[each.kind].complete(thawed(each.record))[1] == {}
    assert {each.kind for each in records} == set(SCHEMAS) - {"ca_certificates"}


def test_services(records: tuple[FileRecord, ...]) -> None:
    orders = named(records, "services", "orders")
    assert (orders["protocol"], orders["host"], orders["port"], orders["retries"]) == ("tcp", "127.0.0.1", 5432, 3)
    assert (orders["connect_timeout"], orders["read_timeout"], orders["tls_verify"]) == (2000, 60000, None)
    pooled = named(records, "services", "pooled")
    assert (pooled["protocol"], pooled["host"], pooled["tls_verify"]) == ("tls", "pool", False)


def test_routes(records: tuple[FileRecord, ...]) -> None:
    route = named(records, "routes", "named")
    assert (route["protocols"], route["snis"], route["preserve_host"]) == (["tls"], ["a.test", "*.b.test"], True)
    assert route["service"] == {"id": named(records, "services", "orders")["id"]}
    placed = named(records, "routes", "placed")
    assert placed["sources"] == [{"ip": "10.0.0.0/8", "port": None}, {"ip": "10.1.1.1", "port": None}]
    assert placed["destinations"] == [{"ip": None, "port": 5555}, {"ip": "::1", "port": 1}]


@pytest.mark.parametrize(
    ("key", "hash_on"),
    [
        ("$binary_remote_addr", "ip"),
        ("$sni", "sni"),
        ("$ja4", "$ja4"),
        ("$sni$remote_addr", "none"),
        ("$mine", "none"),
        ("header", "none"),
    ],
)
def test_what_an_upstream_hashes(key: str, hash_on: str) -> None:
    text = f"map $sni $mine {{ default x; }} upstream pool {{ hash {key} consistent; server 127.0.0.1:1; }}"
    assert named(file_records(stream(text), described, int(NOW)), "upstreams", "pool")["hash_on"] == hash_on


def test_upstreams_and_targets(records: tuple[FileRecord, ...]) -> None:
    pool = named(records, "upstreams", "pool")
    assert (pool["algorithm"], pool["hash_on"]) == ("consistent-hashing", "ip")
    assert named(records, "upstreams", "quick")["algorithm"] == "least-connections"
    targets = [each for each in kinds(records, "targets") if each["upstream"]["id"] == pool["id"]]
    full = "[0000:0000:0000:0000:0000:0000:0000:0001]:3"
    assert [(each["target"], each["weight"]) for each in targets] == [
        ("127.0.0.1:1", 5),
        ("127.0.0.1:2", 0),
        (full, 1),
    ]


def test_certificates_and_names(records: tuple[FileRecord, ...]) -> None:
    (certificate,) = kinds(records, "certificates")
    assert certificate["cert"].startswith("-----BEGIN CERTIFICATE-----")
    assert [each["name"] for each in kinds(records, "snis")] == ["a.test", "b.test"]
    assert all(each["certificate"] == {"id": certificate["id"]} for each in kinds(records, "snis"))


def test_plugins(records: tuple[FileRecord, ...]) -> None:
    (plugin,) = kinds(records, "plugins")
    assert plugin["config"] == {"allow": ["10.0.0.0/8"], "deny": None, "status": None}
    assert plugin["service"] == {"id": named(records, "services", "orders")["id"]}


def test_plugins_that_nobody_has_described_are_left_out() -> None:
    found = file_records(stream("stream_listen 127.0.0.1:1; plugin other { }"), described, 0)
    assert found == ()


def test_each_says_where_it_is_written(records: tuple[FileRecord, ...]) -> None:
    (where,) = [each.where for each in records if each.kind == "services" and each.record["name"] == "orders"]
    assert where == "/etc/penstock/penstock.conf:5"


def test_ids_are_the_same_after_a_reload(records: tuple[FileRecord, ...]) -> None:
    again = file_records(stream("service orders { url tcp://127.0.0.1:1; }"), described, 5)
    assert again[0].record["id"] == named(records, "services", "orders")["id"]


def test_a_catalog_takes_them(records: tuple[FileRecord, ...]) -> None:
    catalog = Catalog(lambda: NOW, described)
    catalog.load((), records)
    assert catalog.certificate_names(catalog.find("certificates", "a.test")["id"]) == ["a.test", "b.test"]
    assert {each["name"] for each in catalog.page("routes", 10).records} == {"named", "placed"}
    assert (
        shown_fields("certificates").keys()
        == catalog.shape("certificates", catalog.find("certificates", "b.test")).keys()
    )
