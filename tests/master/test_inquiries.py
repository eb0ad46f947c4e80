"""Questions to workers: whoever answers is heard, whoever does not is named."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any, cast

from penstock.master.child import Child, State
from penstock.master.inquiries import Answers, Inquiries
from penstock.shared.inquiry import Inquiry, question_in, write
from penstock.shared.messages import MAX_MESSAGE, Verb, decode


class Mouth:
    """A worker's end, in the shape that inquiries use of a child."""

    def __init__(self, pid: int, state: State = State.READY) -> None:
        self.pid = pid
        self.state = state
        self.ours, self.theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)

    def hand(self, verb: Verb, text: str, descriptor: int) -> bool:
        """As a child does."""
        return Child.hand(cast(Child, self), verb, text, descriptor)

    @property
    def control(self) -> socket.socket:
        """The master's end."""
        return self.ours

    def reply(self, value: Any) -> tuple[Inquiry, str]:
        """Answer what was asked; the question and its number."""
        message, descriptors, _, _ = socket.recv_fds(self.theirs, MAX_MESSAGE, 1)
        verb, number = decode(message)
        assert verb is Verb.ASK
        asked = question_in(descriptors[0])
        write(descriptors[0], value)
        os.close(descriptors[0])
        return asked, number


@contextmanager
def mouths(*states: State) -> Iterator[list[Mouth]]:
    made = [Mouth(pid, state) for pid, state in enumerate(states, 1)]
    try:
        yield made
    finally:
        for mouth in made:
            mouth.ours.close()
            mouth.theirs.close()


def asked(
    made: list[Mouth], during: Callable[[Inquiries], None], pid: int | None = None, deadline: float = 20
) -> Answers:
    """The answers to a question, with something done while it is under way."""

    async def run() -> Answers:
        inquiries = Inquiries(asyncio.get_running_loop(), lambda: cast(list[Child], made), deadline)
        work: Awaitable[Answers] = asyncio.ensure_future(inquiries.ask(Inquiry(route="r"), pid))
        await asyncio.sleep(0)
        during(inquiries)
        return await work

    return asyncio.run(run())


def test_every_worker_answers_also_one_that_leaves() -> None:
    with mouths(State.READY, State.LEAVING, State.STARTING) as made:

        def during(inquiries: Inquiries) -> None:
            for mouth in made[:2]:
                question, number = mouth.reply([mouth.pid])
                assert question == Inquiry(route="r")
                inquiries.heard(cast(Child, mouth), number)

        answers = asked(made, during)
    assert (answers.by_pid, answers.silent) == ({1: [1], 2: [2]}, [])


def test_one_worker_is_asked_alone() -> None:
    with mouths(State.READY, State.READY) as made:

        def during(inquiries: Inquiries) -> None:
            inquiries.heard(cast(Child, made[1]), made[1].reply("x")[1])

        assert asked(made, during, pid=2).by_pid == {2: "x"}
        assert asked(made, lambda _: None, pid=9) == Answers()


def test_a_silent_worker_is_named_and_a_dead_one_is_not_waited_for() -> None:
    with mouths(State.READY, State.READY) as made:
        before = len(os.listdir("/proc/self/fd"))
        answers = asked(made, lambda inquiries: inquiries.gone(cast(Child, made[0])), deadline=0.05)
        assert (answers.by_pid, answers.silent) == ({}, [2])
        for mouth in made:
            mouth.reply(None)
        assert len(os.listdir("/proc/self/fd")) == before


def test_a_late_answer_is_nobodys() -> None:
    with mouths(State.READY) as made:
        late: list[tuple[Inquiries, str]] = []

        def during(inquiries: Inquiries) -> None:
            late.append((inquiries, made[0].reply("late")[1]))

        assert asked(made, during, deadline=0.05).silent == [1]
        late[0][0].heard(cast(Child, made[0]), late[0][1])
        late[0][0].heard(cast(Child, made[0]), "nonsense")


def test_a_worker_that_cannot_be_told_is_silent() -> None:
    with mouths(State.READY) as made:
        made[0].theirs.close()
        assert asked(made, lambda _: None).silent == [1]
