"""Reads YAML strictly: no tags, no duplicate keys, no surprises, and the line of every key.

Plain scalars follow YAML 1.2: `no` is a text and not false, `1e-3` is a number, `010` is ten and a
date is a text. Anchors and merge keys (`<<`) are understood; what they expand to is limited.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import yaml

from lodestone.schema.errors import WHOLE_FILE, ConfigError, Fault

Path = tuple[str | int, ...]

DEEPEST, MOST_VALUES, LONGEST_NUMBER = 30, 50_000, 400
COUNTED = (("target",), ("distribution",))  # keys whose own keys may be whole numbers
TAG = "tag:yaml.org,2002:"
PATTERNS = {
    "null": r"~|null|Null|NULL|",
    "bool": r"true|True|TRUE|false|False|FALSE",
    "int": r"[-+]?[0-9]+",
    "float": r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?"
    r"|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)",
    "merge": r"<<",
}


@dataclass
class Document:
    """Plain data and the place of every key and item, as `file:line`."""

    data: Any
    places: dict[Path, str] = field(default_factory=dict)
    written: dict[Path, Path] = field(default_factory=dict)
    """What a key is called where it is written, for keys that were moved: those of a chosen variant."""

    def write(self, path: Path, written: Path, place: str) -> None:
        """Note that what lies at `path` came from elsewhere, with all that is inside it."""
        inside = {
            (*path, *p[len(written) :]): w for p, w in self.places.items() if p[: len(written)] == written
        }
        for known in (self.places, self.written):
            for old in [p for p in known if p[: len(path)] == path]:
                del known[old]
        self.places |= inside if path != written else {}
        self.places[path] = place
        self.written[path] = written

    def as_written(self, path: Path) -> Path:
        """The key of `path` as it stands in the file."""
        length = next((n for n in range(len(path), 0, -1) if path[:n] in self.written), 0)
        return (*self.written[path[:length]], *path[length:]) if length else path

    def place(self, path: Path) -> str:
        """The place of a key, or of the nearest thing around it that is there."""
        while path not in self.places and path:
            path = path[:-1]
        return self.places[path]


def parse(text: str, name: str) -> Document:
    """Parse the text of the file `name`; raises ConfigError with every fault found."""
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
    except yaml.MarkedYAMLError as error:
        raise ConfigError([_syntax(error, name)]) from None
    except yaml.reader.ReaderError as error:
        where = f"{name}:{text.count(chr(10), 0, error.position) + 1}"
        wrong = f"character {text[error.position]!r} is not allowed in YAML"
        raise ConfigError([Fault(where, WHOLE_FILE, wrong, "printable text")]) from None
    if node is None:
        return Document(None, {(): f"{name}:1"})
    builder = _Builder(name, faults=[_tag_fault(name, *tag) for tag in loader.tags])
    data = builder.build(node, ())
    if builder.faults:
        raise ConfigError(sorted(builder.faults, key=lambda f: int(f.where.rsplit(":", 1)[1])))
    return Document(data, builder.places)


def scalar(text: str) -> Any:
    """The value of a plain scalar: null, true, a number, or the text itself."""
    tag = next((t for t, p in PATTERNS.items() if t != "merge" and re.fullmatch(p, text)), "str")
    if tag == "null":
        return None
    if tag == "bool":
        return text.lower() == "true"
    if tag == "int":
        return int(text) if len(text) <= LONGEST_NUMBER else text
    if tag == "float":
        return float(re.sub(r"\.(?=[iInN])", "", text))  # .inf and .nan, as Python writes them
    return text


class _Loader(yaml.SafeLoader):
    """Composes nodes; remembers explicit tags and refuses deep nesting."""

    yaml_implicit_resolvers: dict[Any, Any] = {}  # noqa: RUF012  # PyYAML's own attribute

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.tags: list[tuple[int, str]] = []
        self._depth = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        event = self.peek_event()
        if getattr(event, "tag", None) is not None:
            self.tags.append((event.start_mark.line + 1, event.tag))
        self._depth += 1
        if self._depth > DEEPEST:
            raise yaml.composer.ComposerError(
                None, None, f"nested deeper than {DEEPEST} levels", event.start_mark
            )
        try:
            return super().compose_node(parent, index)
        finally:
            self._depth -= 1


for _tag, _pattern in PATTERNS.items():
    _Loader.add_implicit_resolver(TAG + _tag, re.compile(f"^(?:{_pattern})$"), None)


@dataclass
class _Builder:
    """Turns nodes into plain data and notes places and faults."""

    name: str
    faults: list[Fault]
    places: dict[Path, str] = field(default_factory=dict)
    _open: list[int] = field(default_factory=list)
    _values: int = 0

    def build(self, node: yaml.Node, path: Path) -> Any:
        where = self._where(node)
        self.places.setdefault(path, where)
        self._values += 1
        if id(node) in self._open:
            self._fail(where, path, "an anchor that contains itself", "anchors of finished values")
        if self._values > MOST_VALUES:
            self._fail(where, path, f"more than {MOST_VALUES} values", "a campaign file written by hand")
        self._open.append(id(node))
        try:
            if isinstance(node, yaml.MappingNode):
                return self._mapping(node, path)
            if isinstance(node, yaml.SequenceNode):
                return [self.build(item, (*path, i)) for i, item in enumerate(node.value)]
            return scalar(node.value) if node.tag != f"{TAG}str" else node.value
        finally:
            self._open.pop()

    def _mapping(self, node: yaml.MappingNode, path: Path) -> dict[str, Any]:
        own: dict[str, Any] = {}
        merged: dict[str, Any] = {}
        lines: dict[str, str] = {}
        for key, value in node.value:
            where = self._where(key)
            if key.tag == f"{TAG}merge":
                merged = self._merge(value, path) | merged
                continue
            counts = path[-1:] in COUNTED and key.tag == f"{TAG}int"  # {4: 0.5, 6: 0.5}
            if not isinstance(key, yaml.ScalarNode) or not (counts or key.tag == f"{TAG}str"):
                shown = key.value if isinstance(key, yaml.ScalarNode) else "a list or mapping"
                self._note(where, path, f"{shown} cannot be a key", "keys that are texts")
                continue
            inner = (*path, key.value)
            if key.value in lines:
                first = lines[key.value].rsplit(":", 1)[1]
                self._note(where, inner, f"appears twice (first in line {first})", "each key once")
                continue
            lines[key.value] = self.places[inner] = where
            own[key.value] = self.build(value, inner)
        return merged | own

    def _merge(self, node: yaml.Node, path: Path) -> dict[str, Any]:
        nodes = node.value if isinstance(node, yaml.SequenceNode) else [node]
        found: dict[str, Any] = {}
        for part in nodes:
            if not isinstance(part, yaml.MappingNode):
                self._note(self._where(part), path, "<< merges something else", "<< with mappings")
                continue
            found = self._mapping(part, path) | found
        return found

    def _where(self, node: yaml.Node) -> str:
        return f"{self.name}:{node.start_mark.line + 1}"

    def _note(self, where: str, path: Path, wrong: str, allowed: str) -> None:
        self.faults.append(Fault(where, key_text(path), wrong, allowed))

    def _fail(self, where: str, path: Path, wrong: str, allowed: str) -> None:
        raise ConfigError([Fault(where, key_text(path), wrong, allowed)])


def key_text(path: Path) -> str:
    """A path as people write it: `guidance.strengths[0]`."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return text.removeprefix(".") or WHOLE_FILE


def _tag_fault(name: str, line: int, tag: str) -> Fault:
    short = tag.replace(TAG, "!!")
    return Fault(f"{name}:{line}", WHOLE_FILE, f"the YAML tag {short}", "plain values without tags")


def _syntax(error: yaml.MarkedYAMLError, name: str) -> Fault:
    mark = error.problem_mark or error.context_mark
    line = mark.line + 1 if mark else 1
    problem = (error.problem or error.context or "not YAML").replace("'\\t'", "a tab")
    if "single document" in (error.context or ""):
        problem = "a second document begins here"
    allowed = "spaces for indentation, never tabs" if "tab" in problem else "one YAML document"
    if mark and mark.buffer and "\t" in _line(mark.buffer, mark.pointer):
        allowed = "spaces for indentation, never tabs"
    return Fault(f"{name}:{line}", WHOLE_FILE, f"not readable as YAML: {problem}", allowed)


def _line(buffer: str, pointer: int) -> str:
    return buffer[buffer.rfind("\n", 0, pointer) + 1 :].split("\n", 1)[0]
