"""The paths of the OpenAPI document that are no entities'."""

from __future__ import annotations

from typing import Any, Final

from ...shared.entities.kinds import SCHEMAS

Part = dict[str, Any]
JSON: Final = "application/json"
TEXT: Final[Part] = {"type": "string"}
OPTIONAL: Final[Part] = {"type": ["string", "null"]}
COUNT: Final[Part] = {"type": "integer", "minimum": 0}
ANY: Final[Part] = {"type": "object"}


def record(required: Part, optional: Part | None = None) -> Part:
    """An object with its fields."""
    return {"type": "object", "properties": {**required, **(optional or {})}, "required": list(required)}


def listed(items: Part, more: Part | None = None) -> Part:
    """A list that is answered whole."""
    return record({"data": {"type": "array", "items": items}, "next": OPTIONAL, **(more or {})})


def answered(schema: Part, description: str, content: str = JSON) -> Part:
    """An answer."""
    return {"description": description, "content": {content: {"schema": schema}}}


def reading(summary: str, schema: Part, *codes: str, query: tuple[str, ...] = (), content: str = JSON) -> Part:
    """A path that is read."""
    good = {"200": answered(schema, "As it is now.", content)}
    found: Part = {"summary": summary, "responses": responses(good, codes)}
    if query:
        found["parameters"] = [{"name": name, "in": "query", "schema": TEXT} for name in query]
    return {"get": found}


def responses(good: Part, codes: tuple[str, ...]) -> Part:
    """The answers of an operation."""
    return {**good, **{code: {"$ref": f"#/components/responses/{code}"} for code in (*codes, "401", "414")}}


def posting(summary: str, schema: Part, good: Part, *codes: str) -> Part:
    """A path that is told something."""
    content = {kind: {"schema": schema} for kind in (JSON, "application/x-www-form-urlencoded")}
    return {"post": {"summary": summary, "requestBody": {"content": content}, "responses": responses(good, codes)}}


def with_key(path: Part, name: str, schema: Part = TEXT) -> Part:
    """A path with one part that is free."""
    return {**path, "parameters": [{"name": name, "in": "path", "required": True, "schema": schema}]}


MESSAGE: Final = record({"message": TEXT})
TIMES: Final = {"rtt_us": COUNT, "rttvar_us": COUNT, "retransmits": COUNT}
TCP: Final[Part] = {"type": ["object", "null"], "properties": TIMES}
SESSION: Final = record(
    {
        "id": TEXT,
        "connection": COUNT,
        "worker": COUNT,
        "protocol": {"enum": ["TCP", "UDP"]},
        "state": {"enum": ["beginning", "proxying"]},
        "client": record({"ip": TEXT, "port": COUNT}),
        "listener": TEXT,
        "server": OPTIONAL,
        "route": OPTIONAL,
        "service": OPTIONAL,
        "upstream": OPTIONAL,
        "sni": OPTIONAL,
        "tls_version": OPTIONAL,
        "age": {"type": "number"},
        "bytes": record({"received": COUNT, "sent": COUNT}),
        "tcp": record({"client": TCP, "upstream": TCP}),
    }
)
WORKER: Final = record({"pid": COUNT, "slot": COUNT, "state": {"enum": ["starting", "serving", "leaving"]}})
GENERATION: Final = record(
    {
        "generation": COUNT,
        "state": {"enum": ["in force", "starting", "leaving"]},
        "workers": {"type": "array", "items": WORKER},
    }
)
NODE: Final = record(
    {
        "id": TEXT,
        "hostname": TEXT,
        "program": TEXT,
        "version": COUNT,
        "behind": COUNT,
        "seen": {"type": "number"},
        "silent": {"type": "number"},
        "state": {"enum": ["serving", "away"]},
        "this": {"type": "boolean"},
    }
)
QUESTION: Final[Part] = {
    "type": "object",
    "properties": {
        "sni": {"type": "string", "description": "The name in the client's hello.", "maxLength": 1024},
        "alpn": {"type": "array", "items": TEXT, "description": "The protocols it offers."},
        "from": {"type": "string", "description": "Its address: IP[:PORT]."},
        "to": {"type": "string", "description": "Where it connects to: [IP]:PORT."},
        "plain": {"type": "boolean", "description": "Whether it speaks no TLS."},
    },
    "additionalProperties": False,
}
ENTITY: Final[Part] = {"type": "string", "enum": list(SCHEMAS)}
SHOWN: Final = record({"fields": {"type": "array", "items": ANY}})
TAG: Final = record({"entity_name": TEXT, "entity_id": TEXT, "tag": TEXT})
REFUSED: Final = record({"message": TEXT}, {"reason": TEXT, "generation": COUNT})
UPSTREAM: Final = {"$ref": "#/components/parameters/key"}

OWN: Final[dict[str, Part]] = {
    "/": reading("What this node is", record({"version": TEXT, "node_id": TEXT, "configuration": ANY})),
    "/status": reading("How it fares", record({"server": ANY, "memory": ANY}), query=("unit", "scale")),
    "/status/ready": {
        "get": {
            "summary": "Whether workers accept",
            "responses": responses({"200": answered(MESSAGE, "They do."), "503": answered(MESSAGE, "None does.")}, ()),
        }
    },
    "/endpoints": reading("The paths there are", listed(TEXT)),
    "/consumers": reading("Always empty: a stream has none", listed(ANY)),
    "/tags": reading("Every tag in use", listed(TAG), "400", query=("size", "offset")),
    "/tags/{tag}": with_key(reading("What has a tag", listed(TAG), "400", query=("size", "offset")), "tag"),
    "/schemas/{entity}": with_key(reading("What an entity may say", SHOWN, "404"), "entity", ENTITY),
    "/schemas/plugins/{name}": with_key(reading("What a plugin may be told", SHOWN, "404"), "name"),
    "/schemas/{entity}/validate": with_key(
        posting("Hold a body against it", ANY, {"200": answered(MESSAGE, "It fits.")}, "400", "404", "413", "415"),
        "entity",
        ENTITY,
    ),
    "/plugins/enabled": reading("The plugins there are", record({"enabled_plugins": {"type": "array", "items": TEXT}})),
    "/upstreams/{key}/health": {
        **reading("The health of an upstream's targets", record({"data": {"type": ["array", "object"]}}), "404"),
        "parameters": [UPSTREAM],
    },
    "/upstreams/{key}/targets/all": {
        **reading("Every target", listed({"$ref": "#/components/schemas/targets"}), "404"),
        "parameters": [UPSTREAM],
    },
    "/config": {
        **reading("What the declarative document in force says", record({"config": TEXT}), "400"),
        **posting("Replace everything by a document", ANY, {"201": answered(ANY, "It is in force."), "304": {
            "description": "With `check_hash`: it is in force already."}}, "400", "413", "415"),
    },
    "/explain": posting(
        "What would become of a connection", QUESTION, {"200": answered(ANY, "The decisions.")}, "400", "413", "415"
    ),
    "/sessions": reading(
        "The sessions that are open, the oldest first",
        listed(SESSION, {"total": COUNT}),
        "400",
        query=("route", "service", "sni", "source", "size"),
    ),
    "/sessions/{id}": with_key(
        {
            **reading("One session", SESSION, "404"),
            "delete": {"summary": "End it", "responses": responses({"204": {"description": "It is ended."}}, ("404",))},
        },
        "id",
    ),
    "/generations": reading("The generations that have workers", listed(GENERATION)),
    "/cluster": reading("The nodes that share the database", listed(NODE, {"version": COUNT}), "503"),
    "/metrics": reading("Prometheus' text", TEXT, content="text/plain"),
    "/reload": {
        "post": {
            "summary": "Apply the configuration file as it is now",
            "responses": responses(
                {
                    "200": answered(record({"message": TEXT, "generation": COUNT}), "It is in force."),
                    "409": answered(REFUSED, "It was refused; the one before stays in force."),
                    "504": answered(REFUSED, "It is not over yet."),
                },
                (),
            ),
        }
    },
}  # fmt: skip
OWN_SCHEMAS: Final[dict[str, Part]] = {
    "message": MESSAGE,
    "refusal": record(
        {"message": TEXT},
        {
            "code": COUNT,
            "name": TEXT,
            "fields": ANY,
            "options": ANY,
            "flattened_errors": {"type": "array", "items": ANY},
        },
    ),
}
