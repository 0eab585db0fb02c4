"""What a killed job left behind is believed only where it is intact."""

import json

import numpy as np
import polars as pl
import pytest

from lodestone.runtime.checkpoints import load, load_json, load_sealed, save, save_sealed

ROWS = pl.DataFrame(
    {
        "id": [f"s{i}" for i in range(40)],
        "frac": [np.random.default_rng(i).random(30).tolist() for i in range(40)],
    }
)


def fine(rows):
    return None if rows["id"][0] == "s0" else "other rows"


def test_what_was_saved_comes_back(tmp_path):
    path = tmp_path / "state" / "a.parquet"
    assert load(path, fine) is None
    assert save(ROWS, path).equals(ROWS)
    assert load(path, fine).equals(ROWS)
    assert pl.read_parquet(path).equals(ROWS)
    assert [p.name for p in path.parent.glob("*.parquet")] == ["a.parquet"]


def cut(content):
    return content[: len(content) // 2]


def zeros(content):
    middle = len(content) // 2
    return content[:middle] + bytes(512) + content[middle + 512 :]


def flipped(content):
    """One bit among the coordinates, which a reader of Parquet does not notice."""
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]


DAMAGES = {
    "cut": cut,
    "zeros": zeros,
    "flipped": flipped,
    "empty": lambda content: content[:0],
    "garbage": lambda content: b"x" * len(content),
    "longer": lambda content: content + b"\0",
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_table_is_set_aside_and_said(tmp_path, capsys, damage):
    path = tmp_path / "a.parquet"
    save(ROWS, path)
    broken = damage(path.read_bytes())
    path.write_bytes(broken)
    assert load(path, fine) is None
    assert (tmp_path / "a.parquet.broken").read_bytes() == broken
    said = capsys.readouterr().err
    assert f"{path} is broken ({len(broken)} bytes that are not those that were written): kept as" in said
    assert list(tmp_path.glob("*.parquet")) == []
    save(ROWS, path)
    assert load(path, fine).equals(ROWS)


def test_a_readable_table_with_other_rows_or_without_its_hash_is_set_aside(tmp_path, capsys):
    path = tmp_path / "a.parquet"
    save(ROWS.reverse(), path)
    assert load(path, fine) is None
    assert "is broken (other rows)" in capsys.readouterr().err
    ROWS.write_parquet(path)  # not through `save`
    (tmp_path / ".a.parquet.sha256").unlink()
    assert load(path, fine) is None
    assert (tmp_path / "a.parquet.broken").exists()


def test_a_folder_that_may_not_be_read_is_an_error_and_no_broken_file(tmp_path):
    (tmp_path / "a.parquet").mkdir()
    with pytest.raises(IsADirectoryError):
        load(tmp_path / "a.parquet", fine)


@pytest.mark.parametrize("content", ["", "{", "[]", '{"a": "b"}', "\0\0\0\0"])
def test_json_that_is_not_usable_is_set_aside(tmp_path, capsys, content):
    path = tmp_path / "size.json"
    path.write_text(content)
    assert load_json(path, lambda value: isinstance(value, dict) and value.get("a") == 1) is None
    assert (tmp_path / "size.json.broken").read_text() == content
    assert "size.json is broken" in capsys.readouterr().err
    path.write_text(json.dumps({"a": 1}))
    assert load_json(path, lambda value: value["a"] == 1) == {"a": 1}


def test_a_table_that_is_not_what_was_written_is_known_without_reading_it(tmp_path):
    from lodestone.runtime.checkpoints import damaged

    path = tmp_path / "a.parquet"
    save(pl.DataFrame({"id": ["a", "b"]}), path)
    assert not damaged(path)
    path.write_bytes(path.read_bytes()[:-9])
    assert damaged(path)
    assert not damaged(tmp_path / "nowhere.parquet")
    (tmp_path / "other.parquet").write_bytes(b"made without a hash")
    assert not damaged(tmp_path / "other.parquet")


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_sealed_bytes_may_be_written_over_and_are_set_aside_where_damaged(tmp_path, capsys, damage):
    path = tmp_path / "state" / "a.bin"
    assert load_sealed(path) is None
    for content in (b"first" * 300, b"second" * 300):
        save_sealed(content, path)
        assert load_sealed(path) == content
        assert list(path.parent.iterdir()) == [path]
    path.write_bytes(damage(path.read_bytes()))
    assert load_sealed(path) is None
    assert f"{path} is broken (" in capsys.readouterr().err
    assert [p.name for p in path.parent.iterdir()] == ["a.bin.broken"]
