"""PCRE's regular expressions."""

from __future__ import annotations

import time

import pytest

from penstock.shared.pattern import RUNAWAY, compile_pattern, risky


@pytest.mark.parametrize(
    ("text", "subject", "matches"),
    [
        (r"^\Qa.b\E$", "a.b", True),
        (r"^\Qa.b\E$", "axb", False),
        (r"^a\Q.*", "a.*", True),
        (r"^\\Qa\\E$", r"\Qa\E", True),
        (r"^\x{2e}$", ".", True),
        (r"^\x{2e}$", "x", False),
        (r"^(?<n>a)\k<n>$", "aa", True),
        (r"^(?'n'a)\k{n}$", "aa", True),
        (r"^(?P<n>a)(?P=n)$", "ab", False),
        (r"^\p{N}+$", "42", True),
        (r"^[[:alpha:]]+$", "ab", True),
        (r"^a++b$", "aab", True),
        (r"^\e$", "\x1b", True),
        (r"b", "abc", True),
        (r"^\w$", "é", False),
        (r"^\d$", "٣", False),
        ("", "anything", True),
    ],
)
def test_pcre_is_understood(text: str, subject: str, matches: bool) -> None:
    assert (compile_pattern(text).search(subject) is not None) is matches


def test_case_is_asciis() -> None:
    caseless = compile_pattern("^straße$", caseless=True)
    assert caseless.search("STRAßE")
    assert not compile_pattern("^é$", caseless=True).search("É")


def test_named_groups_are_known() -> None:
    pattern = compile_pattern(r"(?<first>.)(.)(?P<third>.)")
    assert (pattern.names, pattern.groups) == (("first", "third"), 3)


@pytest.mark.parametrize("text", ["(", "a{2,1}", "[", r"\p{Nonsense}", "(?<n>a)(?<n", "*a"])
def test_a_mistake_is_said_with_the_text(text: str) -> None:
    with pytest.raises(ValueError, match="invalid regular expression") as caught:
        compile_pattern(text)
    assert f'"{text}"' in str(caught.value)


def test_a_search_that_runs_away_is_given_up() -> None:
    pattern = compile_pattern(r"^(a|aa)+$")
    begun = time.monotonic()
    assert pattern.search("a" * 200 + "b") is None
    assert time.monotonic() - begun < RUNAWAY * 50


@pytest.mark.parametrize("text", [r"(a|aa)+", r"(a)\1", r"(a(?R)?b)", r".*.*.*x", r"(?<n>a)(?P=n)"])
def test_what_can_run_away_is_watched(text: str) -> None:
    assert risky(text)


@pytest.mark.parametrize("text", [r"^(?<name>[^.]+)\.example\.com$", r"^a\+\+\+$", r"^[a-z]{2,3}\."])
def test_ordinary_expressions_are_not(text: str) -> None:
    assert not risky(text)
