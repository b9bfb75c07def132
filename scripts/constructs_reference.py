"""Writes docs/constructs.md: every public class of the library, from its own docstrings, without importing it."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import griffe

ROOT = Path(__file__).resolve().parents[1]
TARGET = ROOT / "docs/constructs.md"

# The rooms of the library, in the order in which a reader needs them.
ROOMS = {
    "constructs_lib.serving.models": "What is served: one value object per kind of model.",
    "constructs_lib.sagemaker": "Endpoints on SageMaker, and what is around them.",
    "constructs_lib.jobs": "SageMaker jobs as resources: compilation, training, batch transform.",
    "constructs_lib.eks": "Clusters on EKS.",
    "cdk8s_charts": "Serving workloads on Kubernetes.",
}
_HEAD = """\
# The constructs

Every public class, with what its parameters mean. A construct's first two arguments are, as everywhere in the CDK, the
scope that it stands in and its id there. This page is made from the docstrings by `make docs`.
"""


def main() -> int:
    """Write the page."""
    TARGET.write_text(render(), encoding="utf-8")
    return 0


def render() -> str:
    """Give the page's text."""
    rooms = [room for room in ROOMS if (ROOT / room.replace(".", "/")).with_suffix(".py").exists() or _has_names(room)]
    contents = [f"- [`{room}`](#{_anchor(room)}): {ROOMS[room][0].lower()}{ROOMS[room][1:]}" for room in rooms]
    parts = [_HEAD, "\n".join(contents)]
    classes = {room: list(_public_classes(room)) for room in rooms}
    told = frozenset(each.name for members in classes.values() for each in members)
    for room, members in classes.items():
        parts.append(f"## `{room}`\n\n{ROOMS[room]}")
        parts += [_class(each, told) for each in members]
    return "\n\n".join(part.strip() for part in parts) + "\n"


def _has_names(room: str) -> bool:
    initial = ROOT / room.replace(".", "/") / "__init__.py"
    return initial.exists() and "__all__" in initial.read_text(encoding="utf-8")


def _public_classes(room: str) -> Iterator[griffe.Class]:
    module = griffe.load(room, search_paths=[ROOT], docstring_parser="numpy", resolve_aliases=True)
    exported = sorted(str(name) for name in module.exports or ())
    own = [name for name, member in module.members.items() if not (member.is_alias or name.startswith("_"))]
    for name in exported or own:
        member = module.members[name]
        found = member.final_target if isinstance(member, griffe.Alias) else member
        if isinstance(found, griffe.Class):
            yield found


def _class(cls: griffe.Class, told: frozenset[str]) -> str:
    family = [cls, *_untold_bases(cls, told)]
    parts = [f"### {cls.name}", *_docstring(cls.docstring)]
    inherited = [base.name for each in family for base in _bases(each) if base.name in told]
    if inherited:
        parts.append(f"Also has what `{'` and `'.join(dict.fromkeys(inherited))}` has.")
    attributes = [f"| `{name}` | {meaning} |" for each in family for name, meaning in _attributes(each)]
    if attributes:
        parts.append("\n".join(["| Attribute | Meaning |", "|---|---|", *attributes]))
    methods = {name: member for each in reversed(family) for name, member in each.members.items()}
    return "\n\n".join(
        [*parts, *(_method(each) for each in methods.values() if isinstance(each, griffe.Function) and _is_told(each))]
    )


def _bases(cls: griffe.Class) -> list[griffe.Class]:
    """Give the bases that are the library's own."""
    return [base for base in cls.resolved_bases if isinstance(base, griffe.Class)]


def _untold_bases(cls: griffe.Class, told: frozenset[str]) -> Iterator[griffe.Class]:
    """Give the bases that have no entry of their own, so that what they bring is told with the class."""
    for base in _bases(cls):
        if base.name not in told:
            yield base
            yield from _untold_bases(base, told)


def _attributes(cls: griffe.Class) -> Iterator[tuple[str, str]]:
    """Give the properties, and the attributes that have a text of their own below them."""
    for name, member in cls.members.items():
        if isinstance(member, griffe.Attribute) and member.docstring is not None and not name.startswith("_"):
            yield name, _cell(member.docstring.parsed[0].value)


def _is_told(function: griffe.Function) -> bool:
    return function.docstring is not None and not function.name.startswith("_")


def _method(function: griffe.Function) -> str:
    shown = [each.name for each in function.parameters if each.name not in ("self", "cls")]
    return "\n\n".join([f"#### {function.name}({', '.join(shown)})", *_docstring(function.docstring)])


def _docstring(docstring: griffe.Docstring | None) -> Iterator[str]:
    for section in docstring.parsed if docstring else ():
        match section.kind.value:
            case "text":
                yield _prose(section.value)
            case "parameters" | "other parameters":
                yield _table("Parameter", section.value, _types(docstring, "Parameter"))
            case "attributes":
                yield _table("Attribute", section.value, _types(docstring, "Attribute"))
            case "raises":
                yield "\n".join(f"- Raises `{each.annotation}`: {_phrase(each.description)}" for each in section.value)
            case "returns" | "yields":
                yield "\n".join(f"Gives {_phrase(each.description)}" for each in section.value if each.description)
            case "examples":
                code = [text for kind, text in section.value if kind.value == "examples"]
                yield "\n".join(["```pycon", *code, "```"])


def _types(docstring: griffe.Docstring | None, what: str) -> Mapping[str, object]:
    """Give the type of each: griffe gives those that share a text the type of the first."""
    owner = docstring.parent if docstring else None
    if not isinstance(owner, griffe.Class | griffe.Function):
        return {}
    if what == "Parameter":
        return {each.name: each.annotation for each in owner.parameters}
    return {name: each.annotation for name, each in owner.members.items() if isinstance(each, griffe.Attribute)}


def _table(
    what: str,
    rows: Sequence[griffe.DocstringParameter | griffe.DocstringAttribute],
    types: Mapping[str, object],
) -> str:
    lines = [f"| {what} | Type | Meaning |", "|---|---|---|"]
    shown = [row for row in rows if row.name not in ("scope", "id")]
    lines += [
        f"| `{row.name}` | {_type(types.get(row.name) or row.annotation)} | {_cell(row.description)} |" for row in shown
    ]
    return "\n".join(lines)


def _type(annotation: object) -> str:
    return f"`{annotation}`".replace("|", "\\|") if annotation else ""


def _prose(text: str) -> str:
    return text.replace("``", "`")


def _phrase(text: str) -> str:
    words = " ".join(_prose(text).split())
    return f"{words[:1].lower()}{words[1:]}" if words[1:2].islower() else words


def _cell(text: str) -> str:
    return " ".join(_prose(text).split()).replace("|", "\\|")


def _anchor(room: str) -> str:
    return re.sub(r"[^\w-]", "", room.lower())


if __name__ == "__main__":
    sys.exit(main())
