"""The benchmark of the generators: folds without leaks, ranks, shares, and crystals that show their group."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.generator.figure import draw
from benchmarks.generator.legality import _built, compositions
from benchmarks.generator.report import tables
from benchmarks.generator.run import accuracies, ceiling, folds, frequency, rank
from lodestone.wyckoff.proposals import parse
from lodestone.wyckoff.reading import Example


def test_folds_keep_equal_keys_together_and_use_every_fold() -> None:
    keys = [str(i % 37) for i in range(300)]
    found = folds(keys, 0)
    assert {len({f for k, f in zip(keys, found, strict=True) if k == key}) for key in set(keys)} == {1}
    assert set(found) == {0, 1, 2, 3, 4}
    assert found != folds(keys, 1)


def test_ranks_and_the_baseline() -> None:
    assert rank({225: 0.5, 62: 0.5, 1: 0.9}, 62) == 1
    assert rank({225: 0.5, 62: 0.5, 1: 0.9}, 225) == 2
    shown = [Example("a", parse("225 Cl:a Na:b")), Example("b", parse("62 O:c O:c Si:c"))]
    weights = frequency(shown, {"K": 1, "Br": 1})
    assert rank(weights, 225) == 0
    assert 62 not in weights  # two atoms cannot fill any of its positions
    assert weights[221] == 0


def test_the_ceiling_of_a_first_guess() -> None:
    texts = ["225 Cl:a Na:b", "225 Cl:a Na:b", "221 Cl:a Na:b", "221 Cl:a K:b"]
    assert ceiling([Example(str(i), parse(text)) for i, text in enumerate(texts)]) == 0.75


def test_shares_are_counted_per_part_with_their_intervals() -> None:
    rows = [
        {"split": split, "way": way, "rank": r, "system": system, "symbol": symbol}
        for split in ("composition", "prototype")
        for way in ("learned", "prototypes", "most frequent")
        for r, system, symbol in ((0, "cubic", "Fm-3m"), (4, "monoclinic", "P21/c"), (12, "monoclinic", "Cm"))
    ]
    found = {(r["split"], r["part"], r["way"]): r for r in accuracies(rows)}
    every = found["prototype", "all", "learned"]
    assert (every["n"], every["top1"][0], every["top10"][0]) == (3, 1, 2)
    assert found["prototype", "low", "learned"]["n"] == 1
    assert found["prototype", "monoclinic", "learned"]["top10"][0] == 1
    _, low, high = every["top1"]
    assert 0 < low < 1 / 3 < high < 1


@pytest.mark.parametrize(
    ("text", "counts", "expected"),
    [
        ("62 O:c O:c Si:c", {"Si": 4, "O": 8}, "group"),
        ("166 Co:a Li:b O:c", {"Co": 1, "Li": 1, "O": 2}, "group"),
        ("216 Li:a O:b", {"Li": 1, "O": 1}, "larger group"),  # rock salt is 225
        ("62 O:c O:c Si:c", {"Si": 4, "O": 9}, "other formula"),
    ],
)
def test_crystals_built_from_letters_show_their_group(text: str, counts: dict, expected: str) -> None:
    assert _built(counts, parse(text), np.random.default_rng(1)) == expected


def test_compositions_are_distinct_and_small() -> None:
    shown = [Example(str(i), parse(f"1 {' '.join(['Li:a'] * n)}")) for i, n in enumerate(range(1, 9))]
    found = compositions(shown, 12, np.random.default_rng(0))
    assert len({tuple(sorted(c.items())) for c in found}) == len(found) == 12
    assert max(sum(c.values()) for c in found) <= 20


def test_report_and_figure_hold_what_was_counted(tmp_path: Path) -> None:
    rows = [
        {"split": s, "way": w, "rank": 0, "system": "cubic", "symbol": "Fm-3m"}
        for s in ("composition", "prototype") for w in ("learned", "prototypes", "most frequent")
    ]  # fmt: skip
    legality = {
        "generator": "learned", "proposals": 7, "compositions": 2, "groups": 3, "illegal": 0,
        "incompatible": 0, "built": 5, "outcomes": {"group": 3, "larger group": 1, "other group": 1},
    }  # fmt: skip
    result = {
        "examples": 1, "held": 1, "ceiling": 0.5, "folds": 5, "distinct": {"composition": 1, "prototype": 1},
        "accuracies": accuracies(rows), "legality": [legality],
    }  # fmt: skip
    text = tables(result)
    assert "| learned | 7 | 2 | 3 | 0 | 0 | 5 | 3 | 1 | 1 |" in text
    assert "| triclinic | 0 | – |" in text
    draw(result, tmp_path / "a.svg")
    draw(result, tmp_path / "b.svg")
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()
