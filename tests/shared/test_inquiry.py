"""Questions about sessions, and the file that they and their answers go through."""

from __future__ import annotations

import os
from typing import Any

import pytest

from penstock.shared.inquiry import Inquiry, parts_of, question_in, read, session_id, to_file, write


def test_a_question_becomes_its_answer_in_the_same_file() -> None:
    asked = Inquiry(route="r", source="10.0.0.0/8", size=3)
    descriptor = to_file(asked)
    try:
        assert question_in(descriptor) == asked
        answers: tuple[Any, ...] = ({"total": 1, "sessions": ["x" * 300_000]}, {"name": "\udcff"}, [])
        for answer in answers:
            write(descriptor, answer)
            assert read(descriptor) == answer
    finally:
        os.close(descriptor)


@pytest.mark.parametrize("text", ["", "1", "-", "1-", "-1", "a-1", "1-b", "1-2-3", "٣-1", "1" * 20 + "-1"])
def test_what_is_no_id_of_a_session(text: str) -> None:
    assert parts_of(text) is None


def test_an_id_has_worker_and_number() -> None:
    assert parts_of(session_id(12, 345)) == (12, 345)
