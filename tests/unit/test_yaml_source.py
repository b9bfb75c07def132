"""YAML with line numbers: what is read, where it stands, and what is said of a file that cannot be read."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stacks.yaml_source import SettingsError, YamlSource, read_yaml

FILE = Path("inference.yaml")


@pytest.fixture(autouse=True)
def in_a_directory_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def read(text: str) -> YamlSource:
    FILE.write_text(text, encoding="utf-8")
    return read_yaml(FILE)


def refusal(text: str | bytes) -> str:
    FILE.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(SettingsError) as raised:
        read_yaml(FILE)
    return str(raised.value)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("no", "no"),
        ("yes", "yes"),
        ("on", "on"),
        ("12:30", "12:30"),
        ("2026-11-22", "2026-11-22"),
        ("1_000", "1_000"),
        ("true", True),
        ("False", False),
        ("~", None),
        ("", None),
        ("010", 10),
        ("0o10", 8),
        ("0x1F", 31),
        ("-3", -3),
        ("2.10", 2.1),
        ("1e3", 1000.0),
        (".inf", math.inf),
        ("'2.10'", "2.10"),
        ("1.13.1", "1.13.1"),
    ],
)
def test_words_and_numbers_are_those_of_yaml_1_2(text: str, value: object) -> None:
    read_value = read(f"key: {text}\n").data["key"]

    assert (read_value, type(read_value)) == (value, type(value))


def test_every_key_and_item_has_its_line() -> None:
    source = read("a:\n  b: 1\n  c:\n  - x\n  - y: 2\n")

    assert source.data == {"a": {"b": 1, "c": ["x", {"y": 2}]}}
    assert source.lines == {
        ("a",): 1,
        ("a", "b"): 2,
        ("a", "c"): 3,
        ("a", "c", 0): 4,
        ("a", "c", 1): 5,
        ("a", "c", 1, "y"): 5,
    }


def test_a_missing_key_stands_where_the_key_above_it_stands() -> None:
    source = read("a:\n  b: 1\n")

    assert source.at(("a", "missing", "deeper")) == "inference.yaml:1"
    assert source.at(("missing",)) == "inference.yaml"


def test_numbers_are_kept_as_they_are_written() -> None:
    source = read("version: 2.10\nflag: True\nname: '2.10'\nlist: [0x1F]\n")

    assert source.texts == {("version",): "2.10", ("flag",): "True", ("list", 0): "0x1F"}


def test_keys_are_words_whatever_they_look_like() -> None:
    assert read("1: a\ntrue: b\n~: c\n").data == {"1": "a", "true": "b", "~": "c"}


def test_aliases_and_merged_keys_are_expanded() -> None:
    source = read("base: &base {x: 1, y: 2}\nmore:\n  <<: *base\n  y: 3\n")

    assert source.data["more"] == {"x": 1, "y": 3}


def test_problems_come_in_the_order_of_the_file_and_each_once() -> None:
    source = read("a:\n  b: 1\nc: 2\n")

    error = source.error([(("c",), "second"), (("a", "b"), "first"), (("c",), "second"), ((), "on the whole")])

    assert str(error).splitlines() == [
        "inference.yaml: on the whole",
        "inference.yaml:2: a.b: first",
        "inference.yaml:3: c: second",
    ]


def test_a_message_stays_on_one_line_whatever_is_in_it() -> None:
    error = read("a: 1\n").error([(("a\nb",), "got 'x\x00\ty\u2028z'")])

    assert str(error) == r"inference.yaml: a\nb: got 'x\x00\ty\u2028z'"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "inference.yaml: is empty; it needs at least 'endpoints:'"),
        ("# only a comment\n", "inference.yaml: is empty; it needs at least 'endpoints:'"),
        (b"a: \xff\n", "inference.yaml: is not UTF-8 text, at byte 3"),
        (
            "a: 1\nb: 2\na: 3\nb: 4\n",
            "inference.yaml:3: a: is given twice, first on line 1\ninference.yaml:4: b: is given twice, first on line 2",
        ),
        (
            "endpoints:\n  digits: {x: 1,\n    x: 2}\n",
            "inference.yaml:3: endpoints.digits.x: is given twice, first on line 2",
        ),
        (
            "? [a]\n: 1\n",
            "inference.yaml:1: is no valid YAML: a key must be a word; put text that begins with '{' or '[' in quotes",
        ),
        ("a: &a\n  b: *a\n", "inference.yaml:1: is no valid YAML: its aliases expand without end"),
        ("[" * 100_000, "inference.yaml:1: is no valid YAML: it is nested more than 50 levels deep"),
        ("- " * 100_000, "inference.yaml:1: is no valid YAML: it is nested more than 50 levels deep"),
        (
            "a: !!python/object:os.system x\n",
            "inference.yaml:1: is no valid YAML: the tag 'tag:yaml.org,2002:python/object:os.system' means nothing here",
        ),
        ("a: 1\nb: !!int x\n", "inference.yaml:2: is no valid YAML: 'x' cannot be read as int"),
        ("a: !!bool maybe\n", "inference.yaml:1: is no valid YAML: 'maybe' cannot be read as bool"),
        (f"a: {'1' * 5000}\n", f"inference.yaml:1: is no valid YAML: '{'1' * 40}' cannot be read as int"),
    ],
)
def test_fails_with_file_and_line(text: str | bytes, message: str) -> None:
    assert refusal(text) == message


@pytest.mark.parametrize(
    ("text", "line", "advice"),
    [
        ("ä:\n\t- b\n", 2, "a tab indents this line; use spaces"),
        ("ä: @b\n", 1, "no value begins with '@'; put it in quotes"),
        ("a: 1\nb:2\nc: 3\n", 2, "this is no 'key: value'; write a colon and a space after the key"),
        ("a:\n  b: 1\n c: 2\n", 3, "this is no key; indent the line as those that it belongs to"),
        ("a:\n- b\n- c\nd\n", 4, "this is no 'key: value'; write a colon and a space after the key"),
        (
            "a: 1\n  b: 2\n",
            2,
            "a ':' is out of place; indent the line as those beside it, or put a value that has ': ' in quotes",
        ),
        ("a:\n  - b\n  c: 1\n", 3, "this is no item; begin it with '- ', or indent it otherwise"),
        ("a: {b: 1\nc: 2\n", 1, "what '{' begins here lacks a ',' or the closing '}'"),
        ("a: [1\nb: 2\n", 1, "what '[' begins here lacks a ',' or the closing ']'"),
        ("a: 'b\nc: 2\n", 1, "the quote that begins here is not closed"),
        ('a: "C:\\models"\n', 1, "'\\' begins an escape in double quotes; use single quotes"),
        ("a: *b\n", 1, "'*' begins an alias, and no '&' names it; put text that begins so in quotes"),
        ("a: 1\n---\nb: 2\n", 2, "'---' begins another document; give it a file of its own"),
        ("a: !map {}\n", 1, "the tag '!map' means nothing here"),
        ("a: 1\nb: \x01\n", 2, "the character #x0001 is not allowed; remove it"),
    ],
)
def test_a_mistake_in_yaml_says_where_it_is_and_what_to_do(text: str, line: int, advice: str) -> None:
    assert refusal(text) == f"inference.yaml:{line}: is no valid YAML: {advice}"


def test_fails_at_aliases_of_aliases_of_aliases() -> None:
    doubling = "".join(f"k{level}: &k{level} [{', '.join([f'*k{level - 1}'] * 9)}]\n" for level in range(1, 12))

    assert refusal(f"k0: &k0 [1]\n{doubling}").endswith(": is no valid YAML: its aliases expand without end")


def test_fails_at_a_file_that_is_not_there() -> None:
    with pytest.raises(SettingsError) as raised:
        read_yaml(Path("other.yaml"))

    assert str(raised.value) == "other.yaml: there is no such file; name one with '-c settings=FILE'"


def test_fails_at_a_directory(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as raised:
        read_yaml(tmp_path)

    assert str(raised.value) == f"{tmp_path}: cannot be read: Is a directory"


TEXT = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc", "Cn", "Co", "Cs", "Zl", "Zp"], exclude_characters="\ufeff"),
    max_size=10,
)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT
KEYS = TEXT.filter(lambda key: key != "<<")
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(KEYS, inner), max_leaves=20)


@given(VALUES)
def test_json_is_read_as_what_it_is(tmp_path_factory: pytest.TempPathFactory, value: object) -> None:
    path = tmp_path_factory.getbasetemp() / "any.json"
    path.write_text(json.dumps(value, ensure_ascii=False), encoding="utf-8")

    assert read_yaml(path).data == value


@given(st.text(max_size=100) | st.text("{}[]:,-&*a b\n!?|>'\"#%@<~1.", max_size=40) | st.binary(max_size=60))
def test_any_text_is_read_or_refused(tmp_path_factory: pytest.TempPathFactory, text: str | bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "any.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode(errors="surrogatepass"))

    assert [line for line in complaints(path) if not line.startswith(str(path))] == []


def complaints(path: Path) -> list[str]:
    try:
        read_yaml(path)
    except SettingsError as error:
        return str(error).splitlines()
    return []
