from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from needs import requires
from verdict import complaint

from penstock.shared.conf.lexer import LONGEST_WORD, Kind, Lexer
from penstock.shared.errors import ConfigError
from penstock.shared.model.where import Where

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)


def words(text: str) -> list[str]:
    return [token.text for token in Lexer(text, "f") if token.kind is Kind.WORD]


def quoted(text: str, quote: str) -> str:
    return quote + text.replace("\\", "\\\\").replace(quote, "\\" + quote) + quote


def bare(text: str) -> str:
    return "".join("\\" + c if c in "\"'\\" else c for c in text)


@given(st.lists(st.tuples(TEXTS, st.sampled_from("\"'")), max_size=8))
def test_a_quoted_word_comes_back_as_it_was(given_words: list[tuple[str, str]]) -> None:
    text = " ".join(quoted(word, quote) for word, quote in given_words) + ";"
    assert words(text) == [word for word, _ in given_words]


@given(st.lists(TEXTS.filter(lambda t: t and not set(t) & set(" \t\r\n;{}#$")), min_size=1, max_size=8))
def test_a_bare_word_comes_back_as_it_was(given_words: list[str]) -> None:
    assert words(" ".join(map(bare, given_words)) + "\n;") == given_words


@given(st.text(st.sampled_from("ab \n\t;{}#$\\\"'"), max_size=60))
def test_any_text_gives_tokens_that_point_at_themselves_or_an_error(text: str) -> None:
    lines = text.split("\n")
    places = []
    try:
        for token in Lexer(text, "f"):
            places.append(token.where)
            if token.kind in (Kind.SEMICOLON, Kind.OPEN, Kind.CLOSE):
                assert lines[token.where.line - 1][token.where.column - 1] == token.text
    except ConfigError as error:
        places.append(error.where or Where("f", 0))
    assert all(1 <= place.line <= len(lines) for place in places)
    assert places == sorted(places)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a b;", ["a", "b"]),
        ("a}b;", ["a}b"]),
        ("${a}b$c{", ["${a}b$c"]),
        ("$a${b}{", ["$a${b}"]),
        (r"a\ b\;c;", [r"a\ b\;c"]),
        (r'"a\"b\\c\n\d";', ['a"b\\c\n\\d']),
        ("'it is \"so\"';", ['it is "so"']),
        ('a"b"c;', ['a"b"c']),
        ("a#b #c\n d;", ["a#b", "d"]),
        ('"a")b;', ["a", ")b"]),
        ("a\r\n\tb;", ["a", "b"]),
        ("a\N{NO-BREAK SPACE}b;", ["a\N{NO-BREAK SPACE}b"]),
    ],
)
def test_words_are_cut_as_nginx_does(text: str, expected: list[str]) -> None:
    assert words(text) == expected


@requires("nginx-stream")
@pytest.mark.parametrize(
    "word",
    [
        r"a\ b",
        r"a\;b",
        r"a\{b",
        "a}b",
        "${a}",
        "a${b}c",
        "${{x",
        r'"a\"b"',
        r"'a\'b'",
        r'"a\xb"',
        r"'a\"b'",
        'a"b',
        "a#b",
        r"\"a",
        r"a\\b",
        r"a\\\\b",
        r"\$x",
        r"a\tb",
        '"${x}"',
        '"{;}"',
        "a)",
        '"a")',
        "'#a'",
        "=",
    ],
)
def test_nginx_sees_the_same_word(word: str, tmp_path: Path) -> None:
    assert complaint(f"events {{}} {word} x;", tmp_path) == f'unknown directive "{words(word + " x;")[0]}"'


def test_places_count_lines_and_columns_from_one() -> None:
    places = [(token.text, token.where.line, token.where.column) for token in Lexer('a "b\nc" d;\n  é { # x\n}', "f")]
    assert places == [
        ("a", 1, 1),
        ("b\nc", 1, 3),
        ("d", 2, 4),
        (";", 2, 5),
        ("é", 3, 3),
        ("{", 3, 5),
        ("}", 4, 1),
        ("", 4, 2),
    ]


def test_only_quoted_words_are_marked_so() -> None:
    assert [token.quoted for token in Lexer("off 'off' \"off\";", "f")] == [False, True, True, False, False]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("abc", 'unexpected end of file, expecting ";" or "}"'),
        ('"abc', 'unexpected end of file, expecting ";" or "}"'),
        ('"abc"', 'unexpected end of file, expecting ";" or "}"'),
        ("abc\\", 'unexpected end of file, expecting ";" or "}"'),
        ('"a"b;', 'unexpected "b"'),
        ("'a'#;", 'unexpected "#"'),
        ("'a'};", 'unexpected "}"'),
    ],
)
def test_a_word_that_cannot_end_is_refused(text: str, expected: str) -> None:
    with pytest.raises(ConfigError) as caught:
        words(text)
    assert caught.value.text == expected


def test_an_unclosed_string_says_where_it_was_opened() -> None:
    with pytest.raises(ConfigError) as caught:
        words('a;\n b "c;\n d;\n')
    assert caught.value.hint == 'the string opened with " at line 2, column 4 is never closed'


@pytest.mark.parametrize("quote", ["", '"', "'"])
def test_the_longest_word_is_read_and_a_longer_one_refused(quote: str) -> None:
    letters = "x" * (LONGEST_WORD - 2 * len(quote))
    assert words(f"{quote}{letters}{quote};") == [letters]
    with pytest.raises(ConfigError, match=r"^too long parameter"):
        words(f"{quote}{letters}x{quote};")


@requires("nginx-stream")
@pytest.mark.parametrize("quote", ["", '"', "'"])
def test_nginx_refuses_a_too_long_word_in_the_same_words(quote: str, tmp_path: Path) -> None:
    text = f"events {{}} a {quote}{'x' * 5000}{quote};"
    with pytest.raises(ConfigError) as caught:
        words(text)
    assert caught.value.text == complaint(text, tmp_path)


@pytest.mark.parametrize("end", ["\n", " "])
def test_a_text_of_a_megabyte_is_cut_in_one_pass(end: str) -> None:
    text = f"a 'b c' $d{{{end}" * 80_000
    assert sum(token.kind is Kind.WORD for token in Lexer(text, "f")) == 240_000
