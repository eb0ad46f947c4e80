"""`tcp-log`: lines of JSON, to a server that may be away."""

from __future__ import annotations

import json
from typing import Any

import pytest
from certs import Authority
from plugin_host import Lent
from receivers import play, tcp, until

from penstock.plugin_testing import configured
from penstock.worker.kit.queue import QueueConfig
from penstock.worker.plugins.tcp_log import TcpLog


def made(lent: Lent, port: int, **config: Any) -> TcpLog:
    plugin = TcpLog(TcpLog.Config(host="127.0.0.1", port=port, **config), lent.host)
    plugin.configure()
    plugin.init_worker()
    return plugin


def test_each_record_is_a_line() -> None:
    async def scenario() -> None:
        async with tcp() as server:
            plugin = made(Lent(), server.port)
            for number in range(3):
                plugin.emit({"n": number})
            await plugin.close()
            await until(lambda: len(server.lines()) == 3, "three lines")
            assert [json.loads(line)["n"] for line in server.lines()] == [0, 1, 2]

    play(scenario)


def test_what_a_server_that_is_away_missed_comes_when_it_is_back() -> None:
    async def scenario() -> None:
        async with tcp() as server:
            port = server.port
        lent = Lent()
        plugin = made(lent, port)
        plugin.emit({"n": 1})
        await until(lambda: lent.counted["retried"], "a second attempt")
        async with tcp(port=port) as server:
            await until(server.lines, "the record")
            await plugin.close()
        assert lent.counted["delivered"] == 1
        assert "a delivery failed, it is tried again: ConnectionRefusedError" in lent.lines[0][1]

    play(scenario)


def test_the_oldest_are_dropped_while_it_is_away() -> None:
    async def scenario() -> None:
        async with tcp() as server:
            port = server.port
        lent = Lent()
        plugin = made(lent, port, queue=QueueConfig(max_entries=2))
        plugin.emit({"n": 0})
        await until(lambda: lent.counted["retried"], "an attempt")
        for number in range(1, 5):
            plugin.emit({"n": number})
        async with tcp(port=port) as server:
            await until(lambda: len(server.lines()) == 3, "what was kept")
            await plugin.close()
            assert [json.loads(line)["n"] for line in server.lines()] == [0, 3, 4]
        assert lent.counted["dropped"] == 2

    play(scenario)


@pytest.mark.parametrize(("verify", "arrives"), [(False, True), (True, False)])
def test_tls_is_verified_where_asked(authority: Authority, verify: bool, arrives: bool) -> None:
    async def scenario() -> None:
        async with tcp(authority.server("other.test")) as server:
            lent = Lent()
            plugin = made(
                lent, server.port, tls=True, tls_verify=verify, tls_sni="log.test", ca_certificates=str(authority.file)
            )
            plugin.emit({})
            await until(lambda: server.lines() or lent.counted["retried"], "an outcome")
            assert bool(server.lines()) is arrives
            lent.tasks[0].cancel()
            await plugin.outlet.close()

    play(scenario)


def test_host_and_port_are_required() -> None:
    with pytest.raises(ValueError, match="'host': 'required field missing', 'port': 'required field missing'"):
        configured(TcpLog)
