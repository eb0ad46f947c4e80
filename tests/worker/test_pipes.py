"""Pipes for splice."""

from __future__ import annotations

import fcntl
import os

from descriptors import descriptors_up_to

from penstock.worker.pipes import KEEP, Pipe, PipePool


def is_open(fd: int) -> bool:
    try:
        os.fstat(fd)
    except OSError:
        return False
    return True


def test_a_pipe_never_blocks_and_does_not_survive_exec() -> None:
    pipe = Pipe()
    assert not os.get_blocking(pipe.reader)
    assert not os.get_blocking(pipe.writer)
    assert fcntl.fcntl(pipe.reader, fcntl.F_GETFD) & fcntl.FD_CLOEXEC
    pipe.close()


def test_a_pipe_knows_its_size() -> None:
    pipe = Pipe()
    assert pipe.size == fcntl.fcntl(pipe.reader, fcntl.F_GETPIPE_SZ) >= 4096
    pipe.close()


def test_an_empty_pipe_is_used_again() -> None:
    pool = PipePool()
    pipe = pool.take()
    assert pipe is not None
    pool.give(pipe)
    assert pool.take() is pipe
    pipe.close()


def test_a_pipe_with_bytes_in_it_is_closed_with_them() -> None:
    pool = PipePool()
    pipe = pool.take()
    assert pipe is not None
    pipe.held = os.write(pipe.writer, b"somebody's")
    pool.give(pipe)
    assert not is_open(pipe.reader)
    assert not is_open(pipe.writer)
    assert pool.take() is not pipe
    pool.close()


def test_no_more_than_some_are_kept() -> None:
    pool = PipePool()
    pipes = [Pipe() for _ in range(KEEP + 2)]
    for pipe in pipes:
        pool.give(pipe)
    assert sum(is_open(pipe.reader) for pipe in pipes) == KEEP
    pool.close()
    assert not any(is_open(pipe.writer) for pipe in pipes)


def test_without_descriptors_there_is_no_pipe() -> None:
    with descriptors_up_to(1):
        assert PipePool().take() is None
