"""Plugins: which of them runs where, with which configuration. What that may say is for each plugin to describe."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from ..plugin_schema import ENTITY, Description, check
from .fields import a_set, boolean, foreign, record, string, text_mistakes
from .names import name_mistake
from .schema import entity
from .services import PROTOCOLS

Descriptions = Callable[[str], Description | None]
"""The description of a plugin, if there is one by that name."""
WITHOUT_PASSTHROUGH: Final = ("grpc", "grpcs", "http", "https", "tcp", "tls")
OWN_PROTOCOLS: Final[Mapping[str, tuple[str, ...]]] = {"ip-restriction": WITHOUT_PASSTHROUGH}
"""Kong's defaults of `protocols` that are not every protocol."""
FIELD: Final = re.compile(r"'([\w.]+)'")

PLUGINS: Final = entity(
    "plugins",
    {
        "name": string("Which plugin.", required=True),
        "instance_name": string("A name of this configuration of it.", unique=True, test=name_mistake),
        "enabled": boolean(True, "Whether it runs."),
        "protocols": a_set(string(one_of=PROTOCOLS), "The protocols that it runs for.", len_min=1),
        "route": foreign("routes", "The route that it is limited to."),
        "service": foreign("services", "The service that it is limited to."),
        "consumer": foreign("consumers", "Always null: a stream has no consumers."),
        "config": record({}, "The plugin's own fields.", required=True, default={}),
    },
    endpoint_key="instance_name",
    together=("consumer", "name", "route", "service"),
    doc="What looks at sessions on their way.",
)


def complete_plugin(raw: Mapping[str, Any], descriptions: Descriptions) -> tuple[dict[str, Any], dict[str, Any]]:
    """A plugin's record with its configuration, and what is wrong with it."""
    body = dict(raw)
    config = body.pop("config", None)
    complete, errors = PLUGINS.complete(body)
    name = complete["name"]
    complete["config"] = config
    if "name" in errors:
        return complete, errors
    description = descriptions(name)
    if description is None:
        text = f"plugin '{name}' not enabled; add it to the 'plugins' configuration property"
        return complete, {**errors, "name": text}
    if description.get("file_only"):
        return complete, {**errors, "name": f"plugin '{name}' can be set in the configuration file only"}
    if complete["protocols"] is None:
        complete["protocols"] = list(protocols_of(description))
    if config is not None and not isinstance(config, Mapping):
        return complete, {**errors, "config": "expected a record"}
    if (wrong := text_mistakes(config)) is not None:
        return complete, {**errors, "config": wrong}
    complete["config"], wrong = check(description, config or {})
    if wrong:
        errors |= _hoisted(wrong)
    return complete, errors


def _hoisted(wrong: dict[str, Any]) -> dict[str, Any]:
    """A configuration's errors as the plugin's: Kong writes rules between its fields as rules of the whole entity."""
    texts = [FIELD.sub(r"'config.\1'", text) for text in wrong.pop(ENTITY, ())]
    return ({ENTITY: texts} if texts else {}) | ({"config": wrong} if wrong else {})


def protocols_of(description: Description) -> tuple[str, ...]:
    """The protocols that a plugin runs for unless it is told."""
    found = description.get("protocols") or OWN_PROTOCOLS.get(description["name"], PROTOCOLS)
    return tuple(sorted(found))
