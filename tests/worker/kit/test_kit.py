"""Plugins of a worker: made, put in order, begun and closed; and what refuses the start."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from plugin_folder import DONE, plugins
from workerbench import Bench

from penstock.shared.errors import StartError
from penstock.shared.model.plugin import PluginUse

SERVER = "server { listen 127.0.0.1:%%PORT_a%%; proxy_pass 127.0.0.1:9; }"
ROUTES = """
stream_listen 127.0.0.1:%%PORT_g%% plain;
service s { url tcp://127.0.0.1:9; plugin one { mark service; } }
route a { protocols tcp; sources 127.0.0.1; service s; plugin one { mark route; } plugin two {} }
route b { protocols tcp; sources 127.0.0.2; service s; }
route c { protocols tcp; sources 127.0.0.3; service s; }
"""
MARKED = """
priority = 5
@dataclass(frozen=True)
class Config:
    mark: str = "none"
def configure(self): done(("configure", self.config.mark))
async def init_worker(self): done(("init_worker", self.config.mark))
def close(self): done(("close", self.config.mark))
def reopen(self): done("reopen")
"""
PLAIN = "priority = 9\ndef preread(self, session): pass"


def refused(tmp_path: Path, text: str, **modules: str) -> str:
    with pytest.raises(StartError) as caught, Bench(plugins(tmp_path, **modules) + SERVER + text, tmp_path):
        pass
    return caught.value.text


def chain(bench: Bench, name: str) -> list[tuple[str, str]]:
    target = next(each for each in bench.plan.targets if each.route_name == name)
    return [(each.name, getattr(each.plugin.config, "mark", "")) for each in target.plugins]


def test_the_nearest_of_a_name_is_chosen_and_priority_orders_them(tmp_path: Path) -> None:
    text = plugins(tmp_path, one=MARKED, two=PLAIN) + ROUTES + "plugin one { mark global; }"
    with Bench(text, tmp_path) as bench:
        assert chain(bench, "a") == [("two", ""), ("one", "route")]
        assert chain(bench, "b") == [("one", "service")]
        targets = {each.route_name: each.plugins for each in bench.plan.targets}
        assert targets["b"] is targets["c"]
        assert bench.worker.kit is not None
        assert [each.plugin.config.mark for each in bench.worker.kit.entrance()] == ["global"]


def test_all_are_configured_before_the_first_begins_and_closed_at_the_end(tmp_path: Path) -> None:
    text = plugins(tmp_path, one=MARKED, two=PLAIN) + ROUTES + "plugin one { mark global; }"
    with Bench(text, tmp_path) as bench:
        assert bench.worker.kit is not None
        bench.worker.kit.reopen()
    marks = ["global", "service", "route"]
    assert DONE[:6] == [(hook, mark) for hook in ("configure", "init_worker") for mark in marks]
    assert DONE.count("reopen") == 3
    assert sorted(DONE[-3:]) == [("close", mark) for mark in sorted(marks)]


def test_a_configuration_without_plugins_imports_none(tmp_path: Path) -> None:
    with Bench(SERVER, tmp_path) as bench:
        assert bench.worker.kit is not None
        assert bench.worker.kit.library is None
        assert not bench.worker.keeps_hellos
        assert all(not target.plugins for target in bench.plan.targets)


def test_descriptions_are_those_of_what_was_imported(tmp_path: Path) -> None:
    with Bench(SERVER + "plugin ip-restriction { deny 10.0.0.0/8; }", tmp_path) as bench:
        assert bench.worker.kit is not None
        assert [each["name"] for each in bench.worker.kit.descriptions()] == ["ip-restriction"]


def test_an_unknown_plugin_has_the_nearest_name(tmp_path: Path) -> None:
    text = refused(tmp_path, "plugin ip-restrictoin {}")
    assert text.startswith('unknown plugin "ip-restrictoin" in ')
    assert text.endswith('worker.conf:1 (did you mean "ip-restriction"?)')


def test_a_wrong_field_names_line_field_and_rule(tmp_path: Path) -> None:
    text = refused(tmp_path, "\nplugin ip-restriction {\ndeny 10.0.0.0/99; }")
    assert "plugin \"ip-restriction\": deny: invalid ip or cidr range: '10.0.0.0/99' in " in text
    assert text.endswith(":3")


@pytest.mark.parametrize(
    ("hook", "said"),
    [
        ("def configure(self): raise ValueError('not so')", "configure failed: ValueError: not so in "),
        ("async def init_worker(self): raise OSError('no way')", "init_worker failed: OSError: no way in "),
        ("async def configure(self): await asyncio.sleep(30)", "configure took longer than 0.05 s in "),
        ("def __init__(self, config, worker): raise RuntimeError('odd')", "cannot be made: RuntimeError: odd in "),
    ],
)
def test_a_plugin_that_cannot_begin_refuses_the_start(tmp_path: Path, hook: str, said: str) -> None:
    text = refused(tmp_path, "plugin_timeout 50ms; plugin one {}", one=hook)
    assert text.startswith('plugin "one"')
    assert said in text


def test_those_that_had_begun_are_closed_when_another_cannot(tmp_path: Path) -> None:
    failing = "def init_worker(self): raise ValueError('no')"
    refused(tmp_path, "plugin one { mark first; } plugin zzz {}", one=MARKED, zzz=failing)
    assert DONE[-1] == ("close", "first")


def test_plugins_can_come_and_go(tmp_path: Path) -> None:
    with Bench(plugins(tmp_path, one=MARKED) + SERVER, tmp_path) as bench:
        kit = bench.worker.kit
        assert kit is not None
        use = PluginUse("one", config={"mark": "late"})
        bench.loop.run_until_complete(kit.prepare([use]))
        kit.globals = (use,)
        (target,) = (each for each in bench.plan.targets if each.service_name)
        kit.plug(target)
        assert [each.plugin.config.mark for each in target.plugins] == ["late"]
        kit.globals = ()
        kit.plug(target)
        assert target.plugins == ()
        kit.forget([use])
        bench.until(lambda: DONE[-1] == ("close", "late"), "it is closed")


def test_what_a_plugin_spawns_or_repeats_may_fail_without_harm(tmp_path: Path) -> None:
    body = """
async def bad(self): raise ValueError("spawned")
def tick(self):
    done("tick")
    raise ValueError("timer")
def init_worker(self):
    self.worker.spawn(self.bad(), "a job")
    self.worker.every(0.01, self.tick)
"""
    with Bench(plugins(tmp_path, one=body) + SERVER + "plugin one {}", tmp_path) as bench:
        bench.until(lambda: DONE.count("tick") >= 2, "two ticks")
        assert bench.line("plugin one: a job failed: ValueError: spawned")
        assert bench.line('plugin "one": a timer failed: ValueError: timer')


def test_a_plugin_that_left_is_closed_when_its_last_session_is_over(tmp_path: Path) -> None:
    text = plugins(tmp_path, one=MARKED) + SERVER.replace("127.0.0.1:9", "unix:%%UP%%")
    path = f"{tmp_path}/up"
    with Bench(text, tmp_path, UP=path) as bench:
        kit = bench.worker.kit
        assert kit is not None
        use = PluginUse("one", config={"mark": "late"})
        bench.loop.run_until_complete(kit.prepare([use]))
        kit.globals = (use,)
        (target,) = (each for each in bench.plan.targets if each.service_name)
        kit.plug(target)
        upstream = bench.upstream(path)
        client = bench.client()
        bench.accepted(upstream)
        (session,) = bench.relaying()
        kit.globals = ()
        session.target = replace(target)
        kit.plug(target)
        kit.forget([use])
        assert ("close", "late") not in DONE
        client.close()
        bench.idle()
        bench.until(lambda: ("close", "late") in DONE, "it is closed")


def test_a_plugin_knows_its_place(tmp_path: Path) -> None:
    text = plugins(tmp_path, one=MARKED, two=PLAIN) + ROUTES + "plugin one { mark global; }"
    with Bench(text, tmp_path) as bench:
        kit = bench.worker.kit
        assert kit is not None
        (globally,) = kit.entrance()
        targets = {each.route_name: each.plugins for each in bench.plan.targets}
        places = [each.plugin.worker.place for each in (globally, *targets["a"], *targets["b"])]
        assert places == ["", "route a", "route a", "service s"]
        use = PluginUse("one", config={}, id="7")
        bench.loop.run_until_complete(kit.prepare([use]))
        assert kit._hooked[id(use)].plugin.worker.place == "record 7"
