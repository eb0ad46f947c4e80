"""Where a database's hosts are, without a thread in the process that asks."""

from __future__ import annotations

import asyncio
import os

import pytest
from psycopg.conninfo import conninfo_to_dict

from penstock.master.store.resolving import addresses_of, is_place, output_of, with_addresses


def test_names_get_their_addresses_beside_them() -> None:
    found = conninfo_to_dict(asyncio.run(with_addresses("host=localhost port=77 user=u")))
    addresses = str(found["hostaddr"]).split(",")
    assert {"127.0.0.1", "::1"} >= set(addresses) > set()
    assert found["host"] == ",".join(["localhost"] * len(addresses))
    assert found["port"] == ",".join(["77"] * len(addresses))
    assert found["user"] == "u"


@pytest.mark.parametrize("target", ["host=127.0.0.1 user=u", "host=/run/x", "dbname=d", "host=a.invalid hostaddr=::1"])
def test_who_needs_no_answer_is_not_asked(target: str) -> None:
    assert asyncio.run(with_addresses(target)) == target


def test_of_several_hosts_one_that_is_known_will_do() -> None:
    found = conninfo_to_dict(asyncio.run(with_addresses("host=no.invalid,127.0.0.1,/run/x port=1,2,3")))
    assert (found["host"], found["hostaddr"], found["port"]) == ("127.0.0.1,/run/x", "127.0.0.1,", "2,3")


def test_without_an_address_it_is_an_error() -> None:
    with pytest.raises(OSError, match=r'the host "no\.invalid" could not be resolved'):
        asyncio.run(with_addresses("host=no.invalid"))


def test_asking_takes_no_thread_and_leaves_no_process() -> None:
    async def check() -> None:
        assert await addresses_of("localhost")
        assert len(os.listdir("/proc/self/task")) == before

    before = len(os.listdir("/proc/self/task"))
    asyncio.run(check())
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)


def test_who_gives_up_ends_the_program() -> None:
    async def check() -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(output_of("/bin/sleep", "1000"), 0.05)

    asyncio.run(check())
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)


def test_addresses_and_folders_are_places() -> None:
    assert [is_place(host) for host in ("", "/run", "@x", "::1", "10.0.0.1", "db")] == [True] * 5 + [False]
