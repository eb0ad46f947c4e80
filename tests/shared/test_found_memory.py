"""What is remembered of names, and what is not."""

from __future__ import annotations

import os

from penstock.shared.found_memory import CELL_SIZE, HEAD, FoundMemory
from penstock.shared.zones import UNSHARED


def test_a_text_is_kept_by_name_and_replaced() -> None:
    memory = FoundMemory(UNSHARED)
    assert memory.recall("a") is None
    assert memory.keep("a", "[1, 2, 3]")
    assert memory.keep("b", "é")
    assert memory.keep("a", "[]")
    assert (memory.recall("a"), memory.recall("b"), memory.recall("c")) == ("[]", "é", None)


def test_a_full_memory_keeps_what_it_has() -> None:
    memory = FoundMemory(UNSHARED, cells=2)
    assert [memory.keep(name, name) for name in "abc"] == [True, True, False]
    assert memory.keep("a", "again")
    assert [memory.recall(name) for name in "abc"] == ["again", "b", None]


def test_a_text_may_fill_a_cell_and_no_more() -> None:
    memory = FoundMemory(UNSHARED)
    assert memory.keep("a", "x" * (CELL_SIZE - HEAD))
    assert not memory.keep("a", "x" * (CELL_SIZE - HEAD + 1))
    assert memory.recall("a") == "x" * (CELL_SIZE - HEAD)


def test_half_an_answer_is_none() -> None:
    memory = FoundMemory(UNSHARED, cells=1)
    memory.keep("a", "[1, 2, 3]")
    memory._bytes[HEAD] = ord("]")
    assert memory.recall("a") is None


def test_a_child_finds_what_its_parent_kept_and_the_other_way() -> None:
    memory = FoundMemory(UNSHARED)
    memory.keep("a", "parent")
    pid = os.fork()
    if pid == 0:
        memory.keep("b", f"{memory.recall('a')} and child")
        os._exit(0)
    os.waitpid(pid, 0)
    assert memory.recall("b") == "parent and child"
