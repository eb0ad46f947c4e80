"""Which of the servers on one address a name belongs to."""

from __future__ import annotations

import pytest

from penstock.shared.server_names import BadName, ServerNames, shown_name


def names(*every: str) -> ServerNames:
    """Servers with one name each, numbered from 0."""
    made = ServerNames()
    for number, name in enumerate(every):
        assert made.add(name, number)
    return made


ALL = ("a.test", "*.b.test", "*.deep.b.test", ".c.test", "www.*", "www.long.*", r"~^(?<who>\w+)\.re\.test$", "~re")


@pytest.mark.parametrize(
    ("sent", "number"),
    [
        ("a.test", 0),
        ("A.TEST.", 0),
        ("x.a.test", None),
        ("x.b.test", 1),
        ("x.y.b.test", 1),
        ("x.deep.b.test", 2),
        ("deep.b.test", 1),
        ("b.test", None),
        ("c.test", 3),
        ("x.c.test", 3),
        ("www.c.test", 3),
        ("www.x.y", 4),
        ("www.long.y", 5),
        ("www", None),
        ("me.re.test", 6),
        ("core", 7),
        ("nobody", None),
        ("", None),
        (None, None),
        ("a/re", None),
        ("re..test", None),
    ],
)
def test_nginx_s_order_of_names(sent: str | None, number: int | None) -> None:
    assert names(*ALL).find(sent, {}) == number


def test_an_exact_name_wins_over_a_wildcard_that_came_first() -> None:
    assert names("*.test", "a.test", "a.*", "~a").find("a.test", {}) == 1


def test_an_expression_leaves_its_groups() -> None:
    captures: dict[str, str] = {}
    names(*ALL).find("me.re.test", captures)
    assert captures == {"who": "me", "1": "me"}


def test_a_capital_letter_makes_an_expression_ignore_case() -> None:
    assert names("~^A$").find("a", {}) == 0


@pytest.mark.parametrize("name", ["a.test", ".a.test"])
def test_a_name_belongs_to_the_first_that_has_it(name: str) -> None:
    made = names("a.test")
    assert not made.add(name, 1)
    assert made.find("a.test", {}) == 0


def test_names_that_are_none() -> None:
    with pytest.raises(BadName):
        ServerNames().add("a.*.b", 0)
    with pytest.raises(ValueError, match="empty regex in server name"):
        ServerNames().add("~", 0)


@pytest.mark.parametrize(
    ("every", "shown"), [((), ""), ((".a.test", "b"), "a.test"), (("~^x",), "~^x"), (("$hostname",), "box")]
)
def test_what_a_server_is_called(every: tuple[str, ...], shown: str) -> None:
    assert shown_name(every, "box") == shown
