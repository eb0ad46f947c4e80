from __future__ import annotations

import errno
from fnmatch import fnmatch
from pathlib import Path

import pytest
from needs import requires
from verdict import complaint

from penstock.shared.conf.check import check
from penstock.shared.conf.parser import DEEPEST_BLOCK, DEEPEST_INCLUDE, merged, parse, parse_parameters
from penstock.shared.conf.tree import Directive, Tree
from penstock.shared.errors import ConfigError
from penstock.shared.model.where import Where


class Disk:
    """Files in memory, with a note of what was read."""

    def __init__(self, files: dict[str, str]) -> None:
        self.files = files
        self.reads: list[str] = []

    def read(self, path: str) -> str:
        self.reads.append(path)
        if path not in self.files:
            raise FileNotFoundError(errno.ENOENT, "gone", path)
        return self.files[path]

    def glob(self, pattern: str) -> list[str]:
        return [path for path in sorted(self.files, reverse=True) if fnmatch(path, pattern)]

    def parse(self, path: str = "/etc/p/main.conf") -> Tree:
        return parse(path, self.read, self.glob, "/etc/p")


def parsed(text: str, **others: str) -> Tree:
    return Disk({"/etc/p/main.conf": text, **{f"/etc/p/{name}.conf": body for name, body in others.items()}}).parse()


def refused(text: str, **others: str) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        parsed(text, **others)
    return caught.value


def names(directives: tuple[Directive, ...] | None) -> list[str]:
    return [" ".join((d.name, *(w.text for w in d.words))) for d in directives or ()]


def test_blocks_hold_their_directives_in_order() -> None:
    tree = parsed("a 1 2;\nstream { server { listen 'x y'; } b; }\n")
    assert names(tree.directives) == ["a 1 2", "stream"]
    (stream,) = tree.directives[1:]
    assert names(stream.block) == ["server", "b"]
    server = (stream.block or ())[0]
    assert names(server.block) == ["listen x y"]
    assert server.where == Where("/etc/p/main.conf", 2, 10)
    assert (server.block or ())[0].words[0].quoted


def test_an_empty_block_is_not_a_simple_directive() -> None:
    empty, simple = parsed("a {} b;").directives
    assert empty.block == ()
    assert simple.block is None


def test_an_include_is_replaced_by_what_it_names() -> None:
    tree = parsed("a; stream { include one.conf; b; }", one="x; include /etc/p/two.conf;", two="y {}")
    assert names(tree.directives[1].block) == ["x", "y", "b"]
    assert [file.path for file in tree.files] == ["/etc/p/main.conf", "/etc/p/one.conf", "/etc/p/two.conf"]


def test_a_pattern_includes_its_matches_in_order_and_may_have_none() -> None:
    tree = parsed("include [bc]*.conf; include none/*.conf;", b1="one;", b2="two;", c="three;", d="four;")
    assert names(tree.directives) == ["one", "two", "three"]


def test_a_file_included_twice_is_read_and_kept_once() -> None:
    disk = Disk({"/etc/p/main.conf": "s { include a.conf; } t { include a.conf; }", "/etc/p/a.conf": "x;"})
    tree = disk.parse()
    assert [names(directive.block) for directive in tree.directives] == [["x"], ["x"]]
    assert disk.reads == ["/etc/p/main.conf", "/etc/p/a.conf"]
    assert len(tree.files) == 2


def test_a_given_text_is_not_read() -> None:
    disk = Disk({})
    tree = parse("/etc/p/main.conf", disk.read, disk.glob, "/etc/p", text="a;")
    assert names(tree.directives) == ["a"]
    assert disk.reads == []
    assert tree.files[0].text == "a;"


def test_a_missing_include_is_an_error_at_its_word() -> None:
    error = refused("a;\n  include nope.conf;")
    assert error.text == 'open() "/etc/p/nope.conf" failed (2: No such file or directory)'
    assert error.where == Where("/etc/p/main.conf", 2, 11)
    assert error.line == "  include nope.conf;"


def test_a_missing_main_file_is_an_error_without_a_place() -> None:
    with pytest.raises(ConfigError) as caught:
        Disk({}).parse()
    assert caught.value.where is None
    assert caught.value.text == 'open() "/etc/p/main.conf" failed (2: No such file or directory)'


def test_a_file_that_is_no_text_is_refused() -> None:
    def read(path: str) -> str:
        return b"\xff\xfe".decode("utf-8") if path != "/m" else "include x;"

    with pytest.raises(ConfigError, match=r'"/x" is not a text in UTF-8'):
        parse("/m", read, lambda _: [], "/")


def test_files_that_include_each_other_are_refused() -> None:
    error = refused("include a.conf;", a="include b.conf;", b="include *n.conf; x;")
    assert error.text == '"/etc/p/main.conf" includes itself'
    assert error.hint == ("/etc/p/main.conf includes /etc/p/a.conf includes /etc/p/b.conf includes /etc/p/main.conf")


def test_includes_have_a_depth() -> None:
    chain = {f"f{i}": f"include f{i + 1}.conf;" for i in range(DEEPEST_INCLUDE)}
    assert parsed("include f1.conf;", **chain, **{f"f{DEEPEST_INCLUDE}": "end;"}).directives[0].name == "end"
    deeper = {
        **chain,
        f"f{DEEPEST_INCLUDE}": f"include f{DEEPEST_INCLUDE + 1}.conf;",
        f"f{DEEPEST_INCLUDE + 1}": "end;",
    }
    assert "deep" in refused("include f1.conf;", **deeper).text


def test_blocks_have_a_depth() -> None:
    assert parsed("a {" * DEEPEST_BLOCK + "}" * DEEPEST_BLOCK)
    assert "deep" in refused("a {" * 100_000).text


def test_the_lines_of_a_map_are_kept_as_they_are() -> None:
    text = "map $a $b { hostnames; *.x y; include more.conf; include a b; 'include' 'more.conf'; }"
    (block,) = parsed(text, more="~^z w;").directives
    assert names(block.block) == ["hostnames", "*.x y", "~^z w", "include a b", "~^z w"]


def test_include_is_a_value_where_the_block_has_none() -> None:
    (block,) = parsed("split_clients $a $b { include x; }").directives
    assert names(block.block) == ["include x"]


@pytest.mark.parametrize(
    ("text", "line", "hint"),
    [
        ("a {\n b;\n", 3, 'the block "a" opened in line 1 is not closed'),
        ("a {\n b\n}", 3, 'a ";" is missing after "b" in line 2'),
        ("a;\n}", 2, "no block is open here"),
        ("a\nb\n", 3, 'a ";" is missing after "b" in line 2'),
    ],
)
def test_a_wrong_end_says_what_is_missing(text: str, line: int, hint: str) -> None:
    error = refused(text)
    assert error.where is not None
    assert (error.where.line, error.hint) == (line, hint)


def test_an_error_in_an_included_file_names_that_file() -> None:
    error = refused("stream { include a.conf; }", a="x;\ny {")
    assert error.where == Where("/etc/p/a.conf", 2, 4)
    assert error.line == "y {"


def test_parameters_are_parsed_without_a_file() -> None:
    disk = Disk({"/etc/p/a.conf": "x y;"})
    tree = parse_parameters("daemon off; pid 'a b'; include a.conf;", disk.read, disk.glob, "/etc/p")
    assert names(tree.directives) == ["daemon off", "pid a b", "x y"]
    assert [file.path for file in tree.files] == ["/etc/p/a.conf"]
    assert tree.directives[0].where == Where("command line", 1, 1)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("daemon off", 'unexpected end of parameter, expecting ";"'),
        ('pid "x', 'unexpected end of parameter, expecting ";"'),
        ("events {}", "block directives are not supported in -g option"),
        ("}", 'unexpected "}"'),
    ],
)
def test_wrong_parameters_are_refused_in_nginx_words(text: str, expected: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_parameters(text, Disk({}).read, Disk({}).glob, "/")
    assert caught.value.text == expected
    assert caught.value.line == text


def test_parameters_and_file_are_one_context() -> None:
    disk = Disk({"/etc/p/main.conf": "daemon on;"})
    parameters = parse_parameters("daemon off;", disk.read, disk.glob, "/etc/p")
    with pytest.raises(ConfigError, match='"daemon" directive is duplicate'):
        check(merged(parameters, disk.parse()))
    assert names(merged(parameters, disk.parse()).directives) == ["daemon off", "daemon on"]


BROKEN = [
    "events {} foo",
    "events {",
    "events {} }",
    "events {} {",
    "events {} ;",
    "events {} pid x }",
    'events {} worker_processes "2;',
    'events {} worker_processes "2"x;',
    "events {} worker_processes '2'x;",
    'events {} worker_processes "2")x;',
    "events {} worker_processes {",
    "events {} foo bar;",
    "events {} include;",
    "events {} include a b;",
    "events {} include x {",
    "events {} stream { server { listen 9; return a } }",
    "events {} stream { server { listen 9; return a; ",
    "events {} stream { map $remote_addr $y { a { } } }",
    "events {} stream { map $remote_addr $y { a b;; } }",
    "events {} stream { upstream a { server { } } }",
    "events {} stream { log_format main $a{b}; }",
    "events {} stream { server { ;; } }",
    "events;",
    "events {} events {}",
    "events {} stream { set $a b; }",
    "events {} stream { proxy_pass x; }",
    "events {} stream { server x { } }",
    "events {} stream { proxy_half_close 1; }",
    "events {} stream { proxy_timeout x; }",
    "events {} stream { proxy_timeout 1s; proxy_timeout 2s; }",
    "events {} worker_connections 5;",
    "events { worker_connections x; }",
    "events { use x; }",
    "events {} daemon yes;",
    "events {} worker_processes x;",
    "events {} error_log stderr loud;",
    "events {} stream { ssl_verify_client perhaps; }",
    "events {} stream { ssl_protocols TLSv9; }",
    "events {} stream { server { listen 9; allow 300.0.0.1; } }",
    "events {} stream { map $remote_addr y { } }",
    "events {} include nowhere/*.conf; foo;",
    "# only a comment\nevents {} \\",
    "events {} foo # a comment\n",
]


@requires("nginx-stream")
@pytest.mark.parametrize("text", BROKEN)
def test_nginx_says_the_same_of_a_broken_text(text: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        check(parsed(text))
    assert caught.value.text == complaint(text, tmp_path)
