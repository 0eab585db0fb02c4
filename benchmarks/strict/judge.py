"""What the structures of `strict` are worth: group, formula, validity, and the questions of guidance."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from benchmarks.strict.arms import FORMULA
from lodestone.columns import Col

if TYPE_CHECKING:
    import polars as pl


def strict(tables: Mapping[int, pl.DataFrame]) -> dict[str, Any]:
    """Counts per space group, per crystal system and of all."""
    from lodestone.wyckoff.groups import crystal_system, space_group

    groups = {group: verdicts(rows) for group, rows in tables.items()}
    systems: dict[str, Counter[str]] = {}
    for group, counts in groups.items():
        systems.setdefault(crystal_system(group), Counter()).update(counts)
    whole = Counter[str]()
    for counts in groups.values():
        whole.update(counts)
    return {
        "groups": [{"group": g, "symbol": space_group(g).symbol, **rated(c)} for g, c in groups.items()],
        "systems": [{"system": name, **rated(counts)} for name, counts in systems.items()],
        "all": rated(whole),
    }


def verdicts(rows: pl.DataFrame) -> Counter[str]:
    """Structures, failed ones, exact formulas, verdicts and valid ones."""
    from lodestone.curation.validity import validity_table
    from lodestone.structures.table import arrays
    from lodestone.wyckoff.proposals import parse
    from lodestone.wyckoff.verification import strictness

    found = Counter[str]({"n": rows.height, "failed": int(rows["failed"].sum())})
    valid = validity_table(rows)[Col.VALID].to_list()
    for row, good in zip(rows.iter_rows(named=True), valid, strict=True):
        asked = parse(f"{row[Col.ASKED_SPACE_GROUP]} {row[Col.ASKED_ORBITS]}")
        judged = strictness(*arrays(row), asked.space_group, asked.counts)
        found["formula"] += judged.exact_formula and not row["failed"]
        found["failed" if row["failed"] else judged.verdict] += not row["failed"]
        found["valid"] += bool(good) and not row["failed"]
    return found


def rated(counts: Mapping[str, int]) -> dict[str, Any]:
    """Counts, and rates with 95 % intervals of all structures, failed ones among them."""
    from lodestone.inference.intervals import wilson

    keys = ("n", "failed", "formula", "exact", "supergroup", "other", "valid")
    n, numbers = counts["n"], {key: counts.get(key, 0) for key in keys}
    kept = numbers["exact"] + numbers["supergroup"]
    rates = {}
    for name, k in {**{key: numbers[key] for key in ("formula", "exact", "valid")}, "kept": kept}.items():
        bounds = wilson(k, n)
        rates[name] = [k / n, bounds.low, bounds.high]
    return {**numbers, "rates": rates}


def counted(rows: pl.DataFrame) -> dict[str, Any]:
    """Which groups plain samples have, as generated, at two tolerances; their formulas and validity."""
    from lodestone.curation.validity import validity_table
    from lodestone.structures.table import arrays
    from lodestone.wyckoff.verification import found_group

    structures = [arrays(row) for row in rows.filter(~rows["failed"]).iter_rows(named=True)]
    groups = {
        f"{symprec:g}": Counter(str(found_group(*s, symprec)) for s in structures) for symprec in (0.01, 0.1)
    }
    exact = sum(_is_formula(numbers.tolist()) for numbers, _, _ in structures)
    return {
        "n": rows.height, "failed": int(rows["failed"].sum()), "formula": exact,
        "valid": int((validity_table(rows)[Col.VALID] & ~rows["failed"]).sum()),
        "groups": {symprec: dict(found.most_common()) for symprec, found in groups.items()},
    }  # fmt: skip


def _is_formula(numbers: list[int]) -> bool:
    """Whether atoms are LiCoO2 or a multiple of it."""
    from lodestone.structures.elements import ELEMENTS

    found = Counter(ELEMENTS[z - 1] for z in numbers if z > 0)
    units = len(numbers) / sum(FORMULA.values())
    return dict(found) == {element: units * n for element, n in FORMULA.items()}


def compared(
    arms: Mapping[str, pl.DataFrame], questions: Mapping[str, Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """Per question and way: rates of guided and unguided structures, and the one-sided test by lineage."""
    import numpy as np

    from lodestone.constraints.measurement import measure_table
    from lodestone.inference.intervals import wilson
    from lodestone.inference.tests import larger
    from lodestone.statistics.lineages import one_per_lineage
    from lodestone.statistics.outcomes import Sample

    found = []
    for question, constraint in questions.items():
        plain = measure_table(arms["unguided"], {"q": constraint})
        reference = int(plain["q.satisfied"].sum())
        for name, rows in arms.items():
            if not name.startswith(f"{question}-"):
                continue
            measured = measure_table(rows, {"q": constraint})
            met = measured["q.satisfied"].to_numpy().astype(bool)
            sample = Sample(met, np.ones(len(met), dtype=bool), rows[Col.LINEAGE].to_numpy())
            one = one_per_lineage(sample, np.random.default_rng(0))
            test = larger(one.successes, one.n, reference, plain.height)
            rates = (wilson(k, n) for k, n in ((int(met.sum()), len(met)), (reference, plain.height)))
            kept = verdicts(rows)
            found.append({
                "question": question, "way": name.removeprefix(f"{question}-"), "n": len(met),
                "satisfied": int(met.sum()), "n_unguided": plain.height, "satisfied_unguided": reference,
                "satisfied_valid": int((measured["q.satisfied"] & measured[Col.VALID]).sum()),
                "satisfied_valid_unguided": int((plain["q.satisfied"] & plain["valid"]).sum()),
                "intervals": [[rate.low, rate.high] for rate in rates],
                "lineages": one.n, "successes_by_lineage": one.successes,
                "z": test.z, "p": test.p_used, "test": test.used,
                "kept": kept["exact"] + kept["supergroup"], "formula": kept["formula"],
                "failed": kept["failed"], "valid": kept["valid"],
            })  # fmt: skip
    return found
