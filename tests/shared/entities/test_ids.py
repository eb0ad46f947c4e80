"""Ids that follow from names."""

from __future__ import annotations

from penstock.shared.entities.fields import UUID
from penstock.shared.entities.ids import id_of


def test_an_id_follows_from_kind_and_key() -> None:
    assert len({id_of("services", "a"), id_of("routes", "a"), id_of("services", "b")}) == 3
    assert UUID.fullmatch(id_of("services", "a"))


def test_ids_stay_the_same_in_every_version() -> None:
    assert id_of("services", "orders") == "e726cdaf-a4c6-53fd-b5e6-7b8c3b9196ec"
