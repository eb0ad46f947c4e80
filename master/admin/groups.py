"""Every group of the Admin API's endpoints, put together."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import TYPE_CHECKING

from aiohttp import web

from ...shared.model.operations import AdminAuth
from ..metrics import registry_for
from .api import AdminApi
from .declaring import Declaring
from .entities import Entities, Showing
from .explaining import Explaining
from .node import NodeInfo
from .openapi import OpenApi
from .registrar import Registrar
from .running import Running
from .schemas import Schemas
from .sessions import Sessions
from .targets import Targets

if TYPE_CHECKING:
    from ..administration import Administration


def make_api(
    administration: Administration,
    registrar: Registrar,
    schemas: Schemas,
    complain: Callable[[str], object],
    note: Callable[[web.BaseRequest, int], object],
) -> AdminApi:
    """The whole API. The first group that knows a path has it."""
    levers = administration.levers
    registry = registry_for(administration.ledger, levers.facts)
    groups = (
        schemas,
        Targets(administration.health, administration.node_id),
        Entities(Showing(administration.hides_keys)),
        Declaring(administration.file_records),
        Sessions(levers.inquiries),
        Running(administration.node_id, levers, registry, lambda: administration.generation),
        OpenApi(),
        Explaining(lambda: administration.generation, schemas),
        NodeInfo(administration.node_id, socket.gethostname(), administration.sight, schemas),
    )
    return AdminApi(registrar, groups, AdminAuth(), complain, note)
