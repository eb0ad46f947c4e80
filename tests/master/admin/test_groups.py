"""The whole API of a started Penstock: every path that it names is answered."""

from __future__ import annotations

import http.client
import json
from pathlib import Path

from deadline import seconds
from gate import Gate

TEXT = """
admin_listen 127.0.0.1:%%PORT_admin%%; database sqlite %%DIR%%/p.db;
stream { stream_listen 127.0.0.1:%%PORT_a%%; }
"""


def test_every_path_is_somebody_s(tmp_path: Path) -> None:
    with Gate(tmp_path, TEXT) as gate:
        connection = http.client.HTTPConnection("127.0.0.1", gate.port("admin"), timeout=seconds(15))
        connection.request("GET", "/endpoints")
        paths = json.loads(connection.getresponse().read())["data"]
        statuses = {}
        for path in paths:
            connection.request("OPTIONS", path.replace("{", "").replace("}", ""))
            answer = connection.getresponse()
            answer.read()
            statuses[path] = answer.status
        connection.close()
    missing = {path: status for path, status in statuses.items() if status not in (204, 200, 404)}
    assert missing == {}
    assert sum(status == 204 for status in statuses.values()) > 20
