"""The folder of the best candidates: CIF, extended XYZ, VASP inputs, and the page that explains them."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from lodestone.columns import Col
from lodestone.handoff.vasp import VaspInput, vasp_input
from lodestone.runtime.files import write_text
from lodestone.statistics.candidates import structures_of
from lodestone.structures.export import cif, extxyz, file_name
from lodestone.structures.table import to_ase, to_pymatgen

if TYPE_CHECKING:
    from pymatgen.core import Structure

Candidate = Mapping[str, Any]
UNKNOWN = "not known"
HEAD = """\
# Best candidates of {campaign} ({system})

Structures of the campaign{steered}, the best first; the report (`../report.html`) tells how they were judged
and how sure that is. **None of them has been computed by DFT, let alone made.**

| files | what they are |
|---|---|
| `NN_formula_spacegroup.cif` | one candidate each |
| `best.extxyz` | all of them in one file, in the same order, with what is known of each |
{vasp_row}
Every file holds the *symmetrised* structure: the sample as generated, brought to its primitive standard cell
by spglib at the tolerance `symprec` (Å) of `best.extxyz`; a CIF has the conventional cell where the space
group is not P1. Positions and cell are **not relaxed**, neither by the potential nor by DFT. `NN` is the
rank, `id` finds the candidate in `../candidates.parquet`. For more of them or fewer, set `report.best` in the
campaign file and run it again.
"""
VASP_ROW = "| `vasp/NN_.../` | VASP's INCAR, KPOINTS, POSCAR and POTCAR.spec of the same structure |\n"
NONE = """
## No candidate

No structure of this campaign is eligible, so there is no structure file here. {rule}
{notes}"""
TABLE = """
## The candidates

{table}

Energies are by the campaign's potential (`energy` in `../campaign.json`): single points of these unrelaxed
cells, above the hull of reference crystals with energies by the same potential. The report has its error
against the references' own energies.

{rule}
"""
VASP = """
## VASP

`vasp/NN_.../` is pymatgen's `MPRelaxSet`: the Materials Project's relaxation of cell and positions with PBE,
spin polarisation, and +U for some metals in oxides and fluorides (LDAUU in INCAR).

1. POTCAR is not here: its licence forbids it. Join the PBE files that `POTCAR.spec` names, in its order:
   `for p in $(cat POTCAR.spec); do cat $YOUR_PBE_POTCARS/$p/POTCAR; done > POTCAR`
2. Run `vasp_std` in the folder.

Check first:

- that the potentials are those that the Materials Project takes (`potpaw_PBE`, no release 52, 54 or 64),
  if you want to compare with its energies;
- MAGMOM: all moments start parallel and of the set's usual size. Where Co, Fe or a rare earth is inside,
  other orders and spin states may be lower;
- ISMEAR = -5 (tetrahedra) needs enough k-points; for a metal compare another smearing;
- whether symmetry holds an atom on a saddle point: move the atoms by some 0.05 Å, set ISYM = 0, relax again;
- whether what was asked for is still there: `lodestone measure CONTCAR.vasp --config ... --constraint ...`;
- energies of VASP compare with the Materials Project's only after its corrections (pymatgen's
  `MaterialsProject2020Compatibility`), never with the potential's.
"""


def readme(summary: Candidate, rows: Sequence[Candidate], notes: Mapping[str, Sequence[str]]) -> str:
    """The text of README.md.

    `rows` are the best with their `cif` and, where there are VASP inputs, `vasp` (folder) or else
    `vasp_missing` (why not); `notes` are what pymatgen warned of, with the names that it concerns.
    """
    arms = {arm["name"]: arm["kind"] for arm in summary["arms"]}
    head = HEAD.format(
        campaign=summary["campaign"],
        system=summary["chemical_system"],
        steered=_steered(rows, arms),
        vasp_row=VASP_ROW if any(row.get("vasp") for row in rows) else "",
    )
    if not rows:
        told = "".join(f"\n- {note}" for note in summary["notes"])
        return head + NONE.format(rule=summary["best_rule"], notes=f"{told}\n" if told else "")
    parts = [head, TABLE.format(table=_table(rows), rule=summary["best_rule"])]
    if any(row.get("vasp") for row in rows):
        parts.append(VASP)
    parts += [_list("Without VASP input", _missing(rows)), _list("What pymatgen remarks", _remarks(notes))]
    return "".join(parts)


def _steered(rows: Sequence[Candidate], arms: Mapping[str, str]) -> str:
    guided = sum(arms.get(row["arm"]) == "guided" for row in rows)
    return f" ({guided} of {len(rows)} in a guided arm)" if rows else ""


def _table(rows: Sequence[Candidate]) -> str:
    head = ["file", "formula", "space group", "atoms", "asked for", "value", "loss", "e_above_hull, eV/atom"]
    head += ["kept after relaxation by the potential", "known", "id"]
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join([*lines, *("| " + " | ".join(_cells(row)) + " |" for row in rows)])


def _cells(row: Candidate) -> list[str]:
    group = (
        UNKNOWN if row[Col.SPACE_GROUP] is None else f"{row[Col.SPACE_GROUP_SYMBOL]} ({row[Col.SPACE_GROUP]})"
    )
    check = "" if row["cif_check"] == "ok" else f" ({row['cif_check']})"
    return [
        f"`{row['cif']}`{check}",
        row[Col.FORMULA],
        group,
        str(row[Col.N_ATOMS]),
        f"`{row[Col.BEST_FOR]}`",
        _values(row),
        _number(row[Col.LOSS], ".3g"),
        _number(row[Col.E_ABOVE_HULL], ".3f") + (f" ({row[Col.HULL_NOTE]})" if row[Col.HULL_NOTE] else ""),
        {True: "yes", False: "no", None: UNKNOWN}[row[Col.PERSISTENT]],
        _known(row),
        f"`{row['id']}`",
    ]


def _values(row: Candidate) -> str:
    pairs = zip(row["values"] or (), row["units"], strict=False)
    return ", ".join(f"{_number(value, '.2f')} {unit or ''}".strip() for value, unit in pairs) or UNKNOWN


def _known(row: Candidate) -> str:
    if row[Col.KNOWN] is None:
        return UNKNOWN
    return f"as {row[Col.REFERENCE_ID]}" if row[Col.KNOWN] else "new"


def _number(value: float | None, form: str) -> str:
    return UNKNOWN if value is None else format(value, form)


def _missing(rows: Sequence[Candidate]) -> list[str]:
    return [f"`{row['cif']}`: {row['vasp_missing']}" for row in rows if row.get("vasp_missing")]


def _remarks(notes: Mapping[str, Sequence[str]]) -> list[str]:
    return [f"{note} ({', '.join(names)})" for note, names in notes.items()]


def _list(title: str, lines: Sequence[str]) -> str:
    return "\n".join([f"\n## {title}\n", *(f"- {line}" for line in lines), ""]) if lines else ""


Row = dict[str, Any]


def write_best(candidates: pl.DataFrame, summary: Mapping[str, Any], folder: Path) -> list[Row]:
    """Write `folder` anew; returns the summary's best rows with what was written of each.

    `cif` is the name of its file, `cif_check` "ok" or what differs, `vasp` its folder; null where there
    is none, then `vasp_missing` says why.
    """
    rows: Sequence[Row] = summary["best"]
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    order = pl.DataFrame({"id": [row["id"] for row in rows]}, schema={"id": pl.String})
    structures = order.join(structures_of(candidates, "sym"), on="id", how="left", maintain_order="left")
    extended: list[Row] = []
    remarks: dict[str, list[str]] = {}
    for row, structure in zip(rows, to_pymatgen(structures), strict=True):
        name = file_name(row[Col.BEST_RANK], row[Col.FORMULA], row[Col.SPACE_GROUP])
        written = cif(structure, row[Col.SPACE_GROUP], name)
        write_text(folder / written.name, written.text)
        found = _write_vasp(row, structure, folder / "vasp" / Path(name).stem)
        for note in found.notes:
            remarks.setdefault(note, []).append(Path(name).stem)
        own = f"vasp/{Path(name).stem}" if found.files else None
        extended.append(
            row
            | {"cif": written.name, "cif_check": written.check, "vasp": own, "vasp_missing": found.missing}
        )
    labels = [_scalars(row) for row in extended]
    write_text(folder / "best.extxyz", extxyz(to_ase(structures), labels))
    write_text(folder / "README.md", readme(summary, extended, remarks))
    return extended


def _write_vasp(row: Row, structure: Structure, folder: Path) -> VaspInput:
    found = vasp_input(structure, f"{row[Col.FORMULA]} {row['id']}")
    if found.files:
        folder.mkdir(parents=True)
    for name, text in found.files.items():
        write_text(folder / name, text)
    return found


def _scalars(row: Row) -> Row:
    return {k: v for k, v in row.items() if isinstance(v, str | int | float)}
