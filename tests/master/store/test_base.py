"""Documents as they are stored."""

from __future__ import annotations

import asyncio
from types import MappingProxyType

import pytest

from penstock.master.store.base import TOGETHER, from_many_rows, from_rows, from_text, to_text


def test_a_document_comes_back_as_it_was() -> None:
    document = {"name": "ü", "list": [1, None, True, 1.5], "inner": {"a": "b"}}
    assert from_text(to_text(document)) == document


def test_frozen_mappings_are_stored_like_others() -> None:
    assert to_text(MappingProxyType({"a": MappingProxyType({"b": 1})})) == '{"a":{"b":1}}'


def test_what_is_no_json_is_refused() -> None:
    with pytest.raises(TypeError, match="set cannot be stored"):
        to_text({"a": {1}})


def test_many_documents_are_read_together_and_share_the_names_of_their_fields() -> None:
    rows = [("routes", to_text({"some field": number, "id": str(number)})) for number in range(TOGETHER + 1)]
    found = list(from_rows(rows))
    assert found == [("routes", from_text(text)) for _, text in rows]
    assert len({id(name) for _, document in found[:TOGETHER] for name in document}) == 2
    assert list(from_rows([])) == []


def test_many_are_read_between_the_turns_of_others() -> None:
    rows = [("routes", to_text({"id": str(number)})) for number in range(3 * TOGETHER)]
    turns = 0

    async def other() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    async def both() -> object:
        task = asyncio.get_running_loop().create_task(other(), name="other")
        found = await from_many_rows(rows)
        task.cancel()
        return found

    assert asyncio.run(both()) == list(from_rows(rows))
    assert turns == 3
