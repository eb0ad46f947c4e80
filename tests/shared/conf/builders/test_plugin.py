"""`plugin`, `plugin_path` and `plugin_timeout`."""

from __future__ import annotations

from builds import DIRECTORY, gateway, mistake, stream

from penstock.shared.model.plugin import Field, PluginUse

ROUTE = "route r { protocols tcp; destinations :1; %s }"


def shape(uses: tuple[PluginUse, ...]) -> list[tuple[str, list[object]]]:
    return [(use.name, [lines(field) for field in use.fields]) for use in uses]


def lines(field: Field) -> object:
    if field.block is not None:
        return field.name, [lines(each) for each in field.block]
    return [field.name, *(word.text for word in field.words)]


def test_lines_are_kept_as_written_and_blocks_in_them() -> None:
    text = 'plugin http-log { url "http://a/b c"; queue { size 5; map { include x y; } } } plugin empty {}'
    assert shape(stream(text).plugins) == [
        ("http-log", [["url", "http://a/b c"], ("queue", [["size", "5"], ("map", [["include", "x", "y"]])])]),
        ("empty", []),
    ]


def test_every_scope_keeps_its_own() -> None:
    text = "plugin a {} service s { url tcp://10.0.0.1:1; plugin b {} } " + ROUTE % "service s; plugin c { x 1; }"
    found = stream(text)
    (route,) = found.gateway.routes
    assert route.service is not None
    names = [[use.name for use in uses] for uses in (found.plugins, route.service.plugins, route.plugins)]
    assert names == [["a"], ["b"], ["c"]]
    assert route.plugins[0].where.line == 1


def test_a_plugin_does_not_cost_a_route_settings_of_its_own() -> None:
    other = "route q { protocols tcp; destinations :2; }"
    with_plugin, plain = gateway(ROUTE % "plugin a {}" + other).routes
    assert with_plugin.settings is plain.settings


def test_a_plugin_is_named_once_in_a_block() -> None:
    error = mistake("plugin a {} plugin a {}")
    assert error.text == 'plugin "a" is duplicate'
    assert "it was given first at" in error.hint


def test_a_block_in_a_plugin_has_no_arguments() -> None:
    assert mistake("plugin a { queue big { size 5; } }").text == 'unexpected "big"'


def test_paths_are_beside_the_configuration() -> None:
    found = stream("plugin_path plugins; plugin_path /opt/p; plugin_timeout 3s;")
    assert [each.path for each in found.plugin_paths] == [f"{DIRECTORY}/plugins", "/opt/p"]
    assert found.plugin_timeout == 3.0


def test_without_a_timeout_hooks_have_ten_seconds() -> None:
    assert stream("").plugin_timeout == 10.0


def test_hooks_have_some_time() -> None:
    assert mistake("plugin_timeout 0;").text == '"plugin_timeout" directive invalid value'


def test_a_records_plugin_can_be_part_of_what_is_hashed() -> None:
    assert hash(PluginUse("a", config={"x": []})) == hash(PluginUse("a", config={}))


def test_a_hello_is_kept_where_a_fingerprint_may_be_asked_for() -> None:
    log = "log_format f '%s'; server { listen 1; return x; access_log /a f; }"
    assert stream(log % "$ja4").keeps_hellos
    assert not stream(log % "$sni").keeps_hellos
