"""`udp-log`: a datagram for each record."""

from __future__ import annotations

import json

from plugin_host import Lent
from receivers import datagrams, play, received

from penstock.worker.plugins.udp_log import UdpLog


def test_each_record_is_a_datagram() -> None:
    async def scenario() -> None:
        with datagrams() as server:
            plugin = UdpLog(UdpLog.Config(host="localhost", port=server.getsockname()[1]), Lent().host)
            plugin.init_worker()
            for number in range(3):
                plugin.emit({"n": number})
            await plugin.close()
            assert [json.loads(each)["n"] for each in received(server)] == [0, 1, 2]

    play(scenario)
