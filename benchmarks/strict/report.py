"""Groups and formulas kept, and guidance inside the subspace, as tables: all, and those of the page."""

from __future__ import annotations

from typing import Any

from benchmarks.shared.pages import Place, Result, interval, table


def tables(result: Result) -> str:
    """Tables: all groups, crystal systems, plain samples, guidance."""
    head = ["n", "failed", "exact formula", "group asked for", "supergroup", "other", "kept, %", "valid, %"]
    parts = []
    for elements, found in result["strict"].items():
        lumped = [*found["systems"], {"system": "all", **found["all"]}]
        systems = [[row["system"], *_cells(row)] for row in lumped]
        groups = [[f"{row['group']} {row['symbol']}", *_cells(row)] for row in found["groups"]]
        parts += [
            f"Elements {elements}, by crystal system:", table(["system", *head], systems),
            f"Elements {elements}, by space group:", table(["space group", *head], groups),
        ]  # fmt: skip
    return "\n\n".join(
        [*parts, *_plain(result["plain"]), _guidance(result["guidance"]), _formation(result["formation"])]
    )


def _cells(row: dict[str, Any]) -> list[str]:
    kept, valid = row["rates"]["kept"], row["rates"]["valid"]
    names = ("n", "failed", "formula", "exact", "supergroup", "other")
    return [*(str(row[name]) for name in names), share(kept), share(valid)]


def share(rate: list[float]) -> str:
    """A rate and its interval in per cent."""
    return interval([100 * value for value in rate])


def _plain(plain: dict[str, Any]) -> list[str]:
    found = [
        [symprec, *(", ".join(f"{group}: {n}" for group, n in groups.items()),)]
        for symprec, groups in plain["groups"].items()
    ]
    text = (
        f"Plain MatterGen: {plain['n']} samples of the chemical system with 4 or 8 atoms, {plain['failed']} "
        f"failed, {plain['formula']} with the formula, {plain['valid']} valid. Space groups as generated:"
    )
    return [text, table(["tolerance, Å", "space group: structures"], found)]


def _guidance(rows: list[dict[str, Any]]) -> str:
    head = [
        "question", "way", "satisfied", "unguided", "and valid", "unguided", "z", "p (one-sided, by lineage)",
        "kept group", "exact formula", "failed",
    ]  # fmt: skip
    cells = [
        [
            row["question"], row["way"], f"{row['satisfied']}/{row['n']}",
            f"{row['satisfied_unguided']}/{row['n_unguided']}", row["satisfied_valid"],
            row["satisfied_valid_unguided"],
            "–" if row["z"] is None else f"{row['z']:.2f}", "–" if row["p"] is None else f"{row['p']:.2g}",
            row["kept"], row["formula"], row["failed"],
        ]
        for row in rows
    ]  # fmt: skip
    return "Guidance inside the subspace:\n\n" + table(head, cells)


def _formation(found: dict[str, Any]) -> str:
    rows = [
        [
            f"{row['target']:g} ± {row['within']:g}", f"{row['satisfied']}/{row['n']}",
            share([row["satisfied"] / row["n"], *row["intervals"][0]]),
            f"{row['satisfied_unguided']}/{row['n_unguided']}",
            "–" if row["z"] is None else f"{row['z']:.2f}", "–" if row["p"] is None else f"{row['p']:.2g}",
            row["valid"], row["without_energy"], row["kept"], row["formula"],
        ]
        for row in found["rows"]
    ]  # fmt: skip
    head = [
        "formation energy, eV/atom", "satisfied", "satisfied, %", "unguided", "z", "p (one-sided)", "valid",
        "without energy", "kept group", "exact formula",
    ]  # fmt: skip
    quartiles = ", ".join(f"{value:.2f}" for value in found["unguided_quartiles"])
    by = f"by {found['estimator']} (quartiles of the unguided {quartiles} eV/atom)"
    return f"Guidance towards a formation energy, {by}:\n\n{table(head, rows)}"


def summary(result: Result) -> str:
    """The tables of docs/symmetry.md: crystal systems with all elements, the four groups, guidance."""
    head = [
        "",
        "n",
        "exact formula",
        "group asked for",
        "supergroup",
        "no group found",
        "kept, %",
        "valid, %",
    ]
    lumped: dict[str, list[dict[str, Any]]] = {}
    for found in result["strict"].values():
        for row in found["systems"]:
            lumped.setdefault(row["system"], []).append(row)
    rows = [_lumped(name, parts) for name, parts in lumped.items()]
    rows += [_lumped(f"all, {name}", [found["all"]]) for name, found in result["strict"].items()]
    rows += [_lumped("all", [found["all"] for found in result["strict"].values()])]
    rows += [_lumped("and the arms compared with guidance", [result["everything"]])]
    groups = [_group(result, group) for group in (2, 11, 12, 14)]
    of_groups = ["space group", "n", "group asked for, %", "kept, %", "plain MatterGen, 0.01 Å", "0.1 Å"]
    parts = [table(head, rows), table(of_groups, groups), *_plain(result["plain"])]
    return "\n\n".join([*parts, _guidance(result["guidance"]), _formation(result["formation"])])


def _lumped(name: str, parts: list[dict[str, Any]]) -> list[str]:
    """Counts of several rows together, rates with 95 % intervals."""
    names = ("n", "formula", "exact", "supergroup", "other")
    counts = {key: sum(part[key] for part in parts) for key in (*names, "valid")}
    rates = (counts["exact"] + counts["supergroup"], counts["valid"])
    return [name, *(str(counts[key]) for key in names), *(_rate(k, counts["n"]) for k in rates)]


def _group(result: dict[str, Any], group: int) -> list[str]:
    """One space group beside how often plain samples have it."""
    rows = [row for found in result["strict"].values() for row in found["groups"] if row["group"] == group]
    n, exact, above = (sum(row[key] for row in rows) for key in ("n", "exact", "supergroup"))
    plain = result["plain"]
    by_chance = [f"{plain['groups'][s].get(str(group), 0)}/{plain['n']}" for s in ("0.01", "0.1")]
    return [f"{group} {rows[0]['symbol']}", str(n), _rate(exact, n), _rate(exact + above, n), *by_chance]


def _rate(successes: int, n: int) -> str:
    from lodestone.inference.intervals import wilson

    bounds = wilson(successes, n)
    return share([successes / n, bounds.low or 0.0, bounds.high or 0.0])  # none where n is 0 alone


PLACES = (Place("strict", "symmetry.md", summary),)
