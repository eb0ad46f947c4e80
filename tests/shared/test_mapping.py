"""`map`: which line is chosen, and what it leaves behind."""

from __future__ import annotations

import time

import pytest
from clients import connect_unix, read_all
from mapfacts import FACTS, HOSTS, Fact, build, nginx_text, scope
from needs import requires
from nginx import Nginx
from viewed import Viewed

from penstock.shared.mapping import BadName, Conflict, Entries, Map
from penstock.shared.pattern import compile_pattern
from penstock.shared.template import Template, compile_template, constant


@pytest.fixture(scope="module")
def oracle(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """nginx's value of every fact: one configuration in which each has a server, asked through `return`."""
    text = "".join(
        nginx_text(fact, f"m{number}") + f'server {{ listen unix:%%DIR%%/{number}; return "=$m{number}"; }}\n'
        for number, fact in enumerate(FACTS.values())
    )
    directory = tmp_path_factory.mktemp("maps")
    with Nginx(directory, f"stream {{ {text} }}"):
        return {name: answer(f"{directory}/{number}") for number, name in enumerate(FACTS)}


def answer(path: str) -> str:
    """What the server at a unix socket says, without its first character, which tells nothing from no answer."""
    with connect_unix(path) as client:
        data = read_all(client).decode()
    assert data[0] == "="
    return data[1:]


@pytest.mark.parametrize("name", FACTS)
def test_the_chosen_value(name: str) -> None:
    fact = FACTS[name]
    assert build(fact, scope()).getter(Viewed()) == fact.value


@requires("nginx-stream")
@pytest.mark.parametrize("name", FACTS)
def test_nginx_chooses_the_same(name: str, oracle: dict[str, str]) -> None:
    assert oracle[name] == FACTS[name].value


def counted(values: list[str]) -> Template:
    """A source that gives one value after the other."""
    return Template("$counted", (lambda _: values.pop(0),))


def test_the_value_of_a_session_is_found_once() -> None:
    entries = Entries()
    entries.add("a", constant("first"))
    mapping = Map(counted(["a", "b"]), "m", entries)
    session = Viewed()
    assert [mapping.getter(session), mapping.getter(session)] == ["first", "first"]
    assert session.values == {"m": "first"}


def test_a_volatile_map_is_asked_each_time() -> None:
    entries = Entries()
    entries.add("a", constant("first"))
    mapping = Map(counted(["a", "b"]), "m", entries, volatile=True)
    session = Viewed()
    assert [mapping.getter(session), mapping.getter(session)] == ["first", ""]
    assert session.values == {}


def test_a_source_that_is_not_found_is_empty() -> None:
    entries = Entries()
    entries.add("", constant("nothing"))
    assert Map(Template("$v", (lambda _: None,)), "m", entries).getter(Viewed()) == "nothing"


def test_groups_stay_with_the_session_until_the_next_match() -> None:
    entries = Entries()
    entries.add_pattern(compile_pattern("^(?<head>.)(.)$"), constant("two"))
    entries.add_pattern(compile_pattern("^(.)"), constant("one"))
    captures: dict[str, str] = {}
    entries.find("ab", captures)
    assert captures == {"1": "a", "2": "b", "head": "a"}
    entries.find("xyz", captures)
    assert captures == {"1": "x", "head": "a"}


def test_a_literal_key_leaves_no_groups() -> None:
    captures: dict[str, str] = {}
    entries = Entries()
    entries.add("a", constant("x"))
    entries.find("a", captures)
    assert captures == {}


def test_a_map_may_read_another() -> None:
    names = scope()
    names.define_map("inner", build(Fact("a", (("a", "b"),), "b"), names, "inner").getter)
    entries = Entries()
    entries.add("b", constant("outer"))
    assert Map(compile_template("$inner", names.lookup), "outer", entries).getter(Viewed()) == "outer"


@pytest.mark.parametrize("second", ["a.com", "A.COM"])
def test_a_key_twice_is_a_conflict(second: str) -> None:
    entries = Entries()
    entries.add("a.com", constant("1"))
    with pytest.raises(Conflict, match=r"a\.com"):
        entries.add(second, constant("2"))


@pytest.mark.parametrize(
    ("first", "second"), [(".a.com", "a.com"), (".a.com", "*.a.com"), ("a.*", "a.*"), ("a.com", ".a.com"), (".a", ".A")]
)
def test_host_names_that_mean_the_same_are_a_conflict(first: str, second: str) -> None:
    entries = Entries()
    entries.hostnames = True
    entries.add(first, constant("1"))
    with pytest.raises(Conflict):
        entries.add(second, constant("2"))


@pytest.mark.parametrize("key", ["a.*.b", "a..b", "*a.b", "a*b", "*.", "*.*", "*"])
def test_a_star_in_the_wrong_place_is_no_host_name(key: str) -> None:
    entries = Entries()
    entries.hostnames = True
    with pytest.raises(BadName):
        entries.add(key, constant("1"))


def test_facts_are_written_as_nginx_reads_them() -> None:
    assert nginx_text(Fact('a"', (HOSTS, (r"\x", "y")), ""), "m") == 'map "a\\"" $m { hostnames; "\\\\x" "y"; }\n'


def large(count: int) -> Entries:
    entries = Entries()
    entries.hostnames = True
    value = constant("x")
    for number in range(count):
        entries.add(f"*.host{number}.example.com" if number % 2 else f"host{number}.example.com", value)
    return entries


def fastest(entries: Entries, name: str) -> float:
    """Seconds of a thousand searches, the best of several."""
    times = []
    for _ in range(7):
        begun = time.perf_counter()
        for _ in range(1000):
            entries.find(name, {})
        times.append(time.perf_counter() - begun)
    return min(times)


def test_a_hundred_thousand_names_cost_as_much_as_ten() -> None:
    few, many = large(10), large(100_000)
    for name in ("host8.example.com", "a.host9.example.com", "nobody.example.org"):
        assert fastest(many, name) < 200 * fastest(few, name)


def test_a_name_of_many_labels_costs_what_the_keys_ask_for() -> None:
    entries = large(10)
    assert fastest(entries, "a." * 3_000 + "x") < 100 * fastest(entries, "a." * 30 + "x")
