"""A certificate's names."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from catalogs import Desk
from certs import Authority

from penstock.shared.entities.violation import Violation


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    found = Authority(tmp_path_factory.mktemp("ca")).issue("a.test")
    return {"cert": Path(found.crt).read_text(), "key": Path(found.key).read_text()}


def names(desk: Desk) -> list[str]:
    return sorted(record["name"] for record in desk.catalog.every("snis"))


def test_names_are_records_of_their_own(pair: dict[str, Any]) -> None:
    desk = Desk()
    made = desk.post("certificates", {**pair, "snis": ["b.test", "a.test"]})
    sni = desk.catalog.find("snis", "a.test")
    assert sni["certificate"] == {"id": made["id"]}
    assert desk.catalog.find("certificates", "b.test")["id"] == made["id"]
    assert desk.catalog.shape("certificates", desk.catalog.find("certificates", made["id"])) == made


def test_a_certificate_without_names_has_an_empty_list(pair: dict[str, Any]) -> None:
    assert Desk().post("certificates", pair)["snis"] == []


@pytest.mark.parametrize("snis", [["a.test", "a.test"], ["a.test", "b.test", "a.test"]])
def test_a_name_twice_in_a_body(snis: list[str], pair: dict[str, Any]) -> None:
    message = Desk().refused("certificates", {**pair, "snis": snis})["message"]
    assert message == "schema violation (snis: a.test is duplicated)"


def test_a_name_of_another_certificate(pair: dict[str, Any]) -> None:
    desk = Desk()
    other = desk.post("certificates", {**pair, "snis": ["a.test"]})["id"]
    message = desk.refused("certificates", {**pair, "snis": ["b.test", "a.test"]})["message"]
    expected = f"schema violation (snis: a.test already associated with existing certificate '{other}')"
    assert message == expected
    assert names(desk) == ["a.test"]


def test_a_bad_name(pair: dict[str, Any]) -> None:
    assert Desk().wrong("certificates", {**pair, "snis": ["a", "1.1.1.1"]}) == {"snis": [None, "must not be an IP"]}
    assert Desk().wrong("certificates", {**pair, "snis": "a"}) == {"snis": "expected a set"}


def test_put_without_names_clears_them_and_patch_keeps_them(pair: dict[str, Any]) -> None:
    desk = Desk()
    made = desk.post("certificates", {**pair, "snis": ["a.test"]})["id"]
    assert desk.patch("certificates", made, {"tags": ["x"]})["snis"] == ["a.test"]
    assert desk.patch("certificates", made, {"snis": ["b.test"]})["snis"] == ["b.test"]
    assert names(desk) == ["b.test"]
    assert desk.put("certificates", made, pair)["snis"] == []
    assert names(desk) == []


def test_names_that_stay_keep_their_records(pair: dict[str, Any]) -> None:
    desk = Desk()
    made = desk.post("certificates", {**pair, "snis": ["a.test", "b.test"]})["id"]
    before = desk.catalog.find("snis", "a.test")
    desk.patch("certificates", made, {"snis": ["c.test", "a.test"]})
    assert desk.catalog.find("snis", "a.test") is before
    assert names(desk) == ["a.test", "c.test"]


def test_put_on_a_new_name_makes_a_certificate_that_has_it(pair: dict[str, Any]) -> None:
    desk = Desk()
    made = desk.put("certificates", "new.test", {**pair, "snis": ["b.test"]})
    assert made["snis"] == ["b.test", "new.test"]
    assert desk.put("certificates", "new.test", {**pair, "snis": ["new.test"]})["id"] == made["id"]


def test_names_go_with_their_certificate(pair: dict[str, Any]) -> None:
    desk = Desk()
    desk.post("certificates", {**pair, "snis": ["a.test"]})
    desk.delete("certificates", "a.test")
    assert names(desk) == []


def test_a_certificate_stays_while_a_service_shows_it(pair: dict[str, Any]) -> None:
    desk = Desk()
    made = desk.post("certificates", pair)["id"]
    desk.post("services", {"name": "s", "url": "tls://a.test:1", "client_certificate": {"id": made}})
    with pytest.raises(Violation, match="an existing 'services' entity references this 'certificates' entity"):
        desk.delete("certificates", made)


def test_an_sni_needs_a_name_and_a_certificate(pair: dict[str, Any]) -> None:
    desk = Desk()
    missing = "required field missing"
    assert desk.wrong("snis", {}) == {"name": missing, "certificate": missing}
    made = desk.post("certificates", pair)["id"]
    desk.post("snis", {"name": "*.a.test", "certificate": {"id": made}})
    body = desk.refused("snis", {"name": "*.a.test", "certificate": {"id": made}})
    assert body["message"] == "UNIQUE violation detected on '{name=\"*.a.test\"}'"
    assert desk.post("snis", {"name": "*", "certificate": {"id": made}})["name"] == "*"
