"""What files mean is remembered between processes, and never wrongly."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lodestone.workflow import code
from lodestone.workflow.code import digest

PATTERNS = ("energies/relax.py",)


def as_new_process() -> None:
    code._read.cache_clear()
    code._memory.cache_clear()


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("LODESTONE_CACHE", str(tmp_path))
    as_new_process()
    yield tmp_path
    as_new_process()


def stored(place: Path) -> Path:
    (found,) = place.glob("code-*.json")
    return found


def test_a_second_process_parses_nothing_and_finds_the_same(place, monkeypatch):
    first = digest(PATTERNS)
    as_new_process()
    monkeypatch.setattr(code, "meaning", lambda *_: 1 / 0)
    assert digest(PATTERNS) == first
    assert len(json.loads(stored(place).read_text())) == len(code.files(PATTERNS))


@pytest.mark.parametrize("damage", ["", "[1, 2]", '{"a": 1}', '{"a": ["b"]}', "null", "\x00"])
def test_a_damaged_memory_is_none(place, damage):
    first = digest(PATTERNS)
    stored(place).write_text(damage)
    as_new_process()
    assert digest(PATTERNS) == first


def test_where_nothing_can_be_kept_it_is_found_out_each_time(monkeypatch):
    first = digest(PATTERNS)
    monkeypatch.setenv("LODESTONE_CACHE", "/proc/nowhere")
    as_new_process()
    assert digest(PATTERNS) == first
    monkeypatch.setattr(code, "shared_cache", lambda: None)
    as_new_process()
    assert digest(PATTERNS) == first


def test_an_edited_file_counts_and_one_put_back_too(place, monkeypatch):
    package = place / "lodestone"
    (package / "energies").mkdir(parents=True)
    file = package / "energies" / "relax.py"
    monkeypatch.setattr(code, "PACKAGE", package)
    found = []
    for text in ("A = 1\n", "A = 2\n", "A = 1  # one\n"):
        file.write_text(text)
        as_new_process()
        found.append(digest(PATTERNS))
    assert found[0] == found[2] != found[1]
