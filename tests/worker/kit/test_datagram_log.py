"""What log plugins of datagrams share."""

from __future__ import annotations

from plugin_host import Lent
from receivers import datagrams, play, received

from penstock.worker.kit.datagram_log import LARGEST, DatagramConfig, DatagramLog


def test_what_is_queued_is_sent_at_the_end_and_what_is_too_large_is_dropped() -> None:
    async def scenario() -> None:
        with datagrams() as server:
            lent = Lent()
            plugin = DatagramLog(DatagramConfig(host="127.0.0.1", port=server.getsockname()[1]), lent.host)
            plugin.init_worker()
            for packet in (b"a", b"x" * (LARGEST + 1), b"b" * LARGEST):
                plugin.put(packet)
            await plugin.close()
            assert [len(each) for each in received(server)] == [1, LARGEST]
            assert lent.counted == {"queued": 3, "dropped": 1, "delivered": 2}
            assert lent.lines == [
                ("error", 'plugin "tried": records dropped: 1, because 65508 bytes do not fit into a datagram')
            ]

    play(scenario)


def test_one_that_never_began_has_nothing_to_close() -> None:
    async def scenario() -> None:
        await DatagramLog(DatagramConfig(host="127.0.0.1", port=9), Lent().host).close()

    play(scenario)
