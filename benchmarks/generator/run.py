"""How well the constraint generators know space groups that they were not shown; whether they break a rule.

Each fold shows four fifths of the embedded references to the generators and asks for the space groups of the
rest. Two splits: by composition, and by AFLOW prototype (no decoration of a prototype is on both sides). The
first fold of each split served to choose the settings and is left out. Finished folds lie below
work/benchmarks/generator, so that a killed run goes on.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.shared.record import ROOT, provenance
from lodestone.columns import Col

if TYPE_CHECKING:
    from lodestone.wyckoff.reading import Example

WORK = ROOT / "work" / "benchmarks" / "generator"
FOLDS = 5
SPLITS = ("composition", "prototype")
LOW = ("P-1", "P2_1/m", "P2_1/c", "C2/m")


def run(*, held: int, proposals: int, per_composition: int, built: int, seed: int = 0) -> dict[str, Any]:
    """Accuracies of every split, generator and crystal system, and the legality of many proposals.

    Args:
        held: how many folds of each split are held out in turn, 1 to 4.
        proposals: how many of each generator are checked.
        per_composition: how many of them at most for one composition.
        built: how many of them are built as crystals.
        seed: of folds, compositions and crystals.
    """
    import torch

    from benchmarks.generator.legality import legality

    torch.set_num_threads(1)
    examples = references()
    keys = {"composition": [_composition(e) for e in examples], "prototype": prototypes(examples)}
    rows = []
    parts = {split: folds(keys[split], seed) for split in SPLITS}
    for fold in range(1, held + 1):
        for split in SPLITS:
            rows += _fold(examples, parts[split], split, fold)
            print(f"{split} {fold}/{held}", file=sys.stderr, flush=True)
    learned = _trained(examples, WORK / "all")
    return {
        **provenance(1), "examples": len(examples), "held": held, "folds": FOLDS,
        "distinct": {split: len(set(keys[split])) for split in SPLITS},
        "ceiling": ceiling(examples), "accuracies": accuracies(rows), "learned": _about(),
        "legality": legality(examples, learned, proposals, per_composition, built, seed),
    }  # fmt: skip


def references() -> list[Example]:
    """The embedded references, each with its proposal."""
    from lodestone.structures.table import read_table
    from lodestone.wyckoff.reading import examples_of

    table = read_table(ROOT / "src" / "lodestone" / "embedded" / "references.parquet")
    examples, failed = examples_of(table, Col.E_ABOVE_HULL)
    assert not failed, failed
    return examples


def prototypes(examples: Sequence[Example]) -> list[str]:
    """The AFLOW prototype that each reference decorates, found by decorating them once more."""
    from training.references.prototypes import SYSTEMS, decorations, load_prototypes
    from training.references.relaxation import SEED

    from lodestone.runtime.files import write_json

    file = WORK / "prototypes.json"
    if not file.exists():
        bundled = load_prototypes()
        for i, prototype in enumerate(bundled):
            prototype.add_site_property("prototype", [i] * len(prototype))
        found = {}
        for system, quotas in SYSTEMS.items():
            for quota in quotas:
                for k, structure in enumerate(decorations(bundled, quota, SEED)):
                    (number,) = set(structure.site_properties["prototype"])
                    found[f"embedded/{system}/{'-'.join(quota.elements)}/{k:03d}"] = str(number)
        write_json(file, found)
    known = json.loads(file.read_text(encoding="utf-8"))
    return [known[e.id] for e in examples]


def folds(keys: Sequence[str], seed: int) -> list[int]:
    """The fold of every example: examples of one key stay together."""
    import numpy as np

    order = np.array(sorted(set(keys)))
    np.random.default_rng(seed).shuffle(order)
    fold = {key: i % FOLDS for i, key in enumerate(order.tolist())}
    return [fold[key] for key in keys]


def _fold(examples: Sequence[Example], parts: Sequence[int], split: str, fold: int) -> list[dict[str, Any]]:
    """One row per held-out example and way: how many groups its own is ranked behind."""
    from lodestone.runtime.files import write_json
    from lodestone.wyckoff.groups import crystal_system, space_group
    from lodestone.wyckoff.prototypes import Prototypes

    folder = WORK / f"{split}-{fold}"
    file = folder / "rows.json"
    if file.exists():
        return list(json.loads(file.read_text(encoding="utf-8")))
    shown = [e for e, part in zip(examples, parts, strict=True) if part != fold]
    hidden = [e for e, part in zip(examples, parts, strict=True) if part == fold]
    learned, known = _trained(shown, folder), Prototypes.of(shown)
    asked = {_composition(e): e.counts for e in hidden}
    ways = {
        "learned": {c: learned.group_probabilities(counts) for c, counts in asked.items()},
        "prototypes": {c: known.group_probabilities(counts) for c, counts in asked.items()},
        "most frequent": {c: frequency(shown, counts) for c, counts in asked.items()},
    }
    rows = []
    for way, found in ways.items():
        for e in hidden:
            number = e.proposal.space_group
            about = {"split": split, "fold": fold, "id": e.id, "way": way, "system": crystal_system(number)}
            place = rank(found[_composition(e)], number)
            rows.append({**about, "symbol": space_group(number).symbol, "rank": place})
    write_json(file, rows)
    return rows


def frequency(shown: Sequence[Example], counts: Mapping[str, int]) -> dict[int, float]:
    """The baseline: how often groups occur with the same numbers of atoms, then how often at all."""
    from lodestone.wyckoff.assignments import legal_groups

    numbers = sorted(counts.values())
    alike = Counter(e.proposal.space_group for e in shown if sorted(e.counts.values()) == numbers)
    every = Counter(e.proposal.space_group for e in shown)
    return {g: alike[g] + every[g] / (1 + len(shown)) for g in legal_groups(counts)}


def rank(weights: Mapping[int, float], true: int) -> int:
    """Groups that come before the true one; equal weights go to the lower number."""
    order = sorted(weights, key=lambda g: (-weights[g], g))
    return order.index(true)


def ceiling(examples: Sequence[Example]) -> float:
    """Share of examples with the most frequent group of their composition: no first guess does better."""
    groups: dict[str, Counter[int]] = {}
    for example in examples:
        groups.setdefault(_composition(example), Counter())[example.proposal.space_group] += 1
    return sum(max(found.values()) for found in groups.values()) / len(examples)


def accuracies(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Shares of examples whose group comes first, or among the first ten, with Wilson intervals (95 %)."""
    from lodestone.inference.intervals import wilson
    from lodestone.wyckoff.groups import SYSTEMS

    found = []
    for split in SPLITS:
        for part in ("all", *SYSTEMS, "low"):
            for way in ("learned", "prototypes", "most frequent"):
                ranks = [r["rank"] for r in rows if (r["split"], r["way"]) == (split, way) and _in(r, part)]
                row: dict[str, Any] = {"split": split, "part": part, "way": way, "n": len(ranks)}
                for top in (1, 10):
                    hits = sum(r < top for r in ranks)
                    interval = wilson(hits, len(ranks))
                    row[f"top{top}"] = [hits, interval.low, interval.high]
                found.append(row)
    return found


def _in(row: Mapping[str, Any], part: str) -> bool:
    symbol = str(row["symbol"]).replace("21", "2_1")
    return part == "all" or (symbol in LOW if part == "low" else row["system"] == part)


def _composition(example: Example) -> str:
    return " ".join(f"{element}{n}" for element, n in sorted(example.counts.items()))


def _trained(examples: Sequence[Example], folder: Path) -> Any:
    from lodestone.wyckoff.learned.generator import load
    from lodestone.wyckoff.learned.training import Plan, fit

    if not (folder / "model").exists():
        fit(examples, folder / "state", folder / "model", plan=Plan())
    return load(folder / "model")


def _about() -> dict[str, Any]:
    from lodestone.wyckoff.learned.network import Network, Shape
    from lodestone.wyckoff.learned.training import Plan

    parameters = sum(p.numel() for p in Network(Shape()).parameters())
    return {"parameters": parameters, **asdict(Plan()), **asdict(Shape())}
