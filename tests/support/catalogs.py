"""A catalog whose proposals are applied at once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from penstock.shared.entities.catalog import Catalog
from penstock.shared.entities.changes import FileRecord, Parent, Proposal
from penstock.shared.entities.violation import Violation
from penstock.shared.plugin_schema import Description

NOW = 1_790_000_000.1234
SERVICE = {"name": "s", "url": "tcp://127.0.0.1:30000"}
ROUTE = {"name": "r", "protocols": ["tls"], "snis": ["a.test"]}
NETWORKS: Description = {
    "type": "array",
    "required": False,
    "default": None,
    "elements": {"type": "string", "format": "network"},
}
IP_RESTRICTION: Description = {
    "name": "ip-restriction",
    "version": "1.0",
    "priority": 990,
    "fields": {
        "allow": {
            "type": "array",
            "required": False,
            "default": None,
            "elements": {"type": "string", "format": "network"},
        },
        "deny": {
            "type": "array",
            "required": False,
            "default": None,
            "elements": {"type": "string", "format": "network"},
        },
        "status": {"type": "integer", "required": False, "default": None},
    },
    "checks": [{"at_least_one_of": ["allow", "deny"]}],
}


def described(name: str) -> Description | None:
    """The one plugin that there is."""
    return IP_RESTRICTION if name == "ip-restriction" else None


class Desk:
    """Requests, each carried out when it is right."""

    def __init__(self, *file: FileRecord) -> None:
        self.now = NOW
        self.catalog = Catalog(lambda: self.now, described)
        self.catalog.load((), file)

    def done(self, proposal: Proposal) -> dict[str, Any]:
        """Apply a proposal."""
        self.catalog.apply(proposal.changes)
        return proposal.record or {}

    def post(self, kind: str, body: Mapping[str, Any], parent: Parent | None = None) -> dict[str, Any]:
        """Create."""
        return self.done(self.catalog.create(kind, body, parent))

    def put(self, kind: str, key: str, body: Mapping[str, Any], parent: Parent | None = None) -> dict[str, Any]:
        """Replace or create."""
        return self.done(self.catalog.replace(kind, key, body, parent))

    def patch(self, kind: str, key: str, body: Mapping[str, Any], parent: Parent | None = None) -> dict[str, Any]:
        """Change."""
        return self.done(self.catalog.update(kind, key, body, parent))

    def delete(self, kind: str, key: str, parent: Parent | None = None) -> None:
        """Delete."""
        self.done(self.catalog.delete(kind, key, parent))

    def refused(self, kind: str, body: Mapping[str, Any], parent: Parent | None = None) -> dict[str, Any]:
        """The answer to a POST that must not succeed."""
        with pytest.raises(Violation) as raised:
            self.catalog.create(kind, body, parent)
        return raised.value.body

    def wrong(self, kind: str, body: Mapping[str, Any]) -> Any:
        """The fields that a POST's schema refuses."""
        answer = self.refused(kind, body)
        assert answer["code"] == 2
        return answer["fields"]
