# ruff: noqa: E501  (a fault per line)
"""Every wrong campaign file ends `lodestone check` with exit code 2, its place, its key and what is allowed."""

import shutil

import pytest
from click.testing import CliRunner

from lodestone.cli import main
from lodestone.sampling.mattergen.checkpoint import EMBEDDED

STRENGTHS = "strengths: [0.1, 0.3]"
KIND = "kind: coordination, center: Co, neighbor: O, target: 4, cutoff: 2.6"
SYSTEM = "chemical_system: Li-Co-O"
EXPECTED = "symbols of the elements"
NUMBERS = "finite numbers > 0, Å"

# name: what is replaced, by what, line, key, part of what is wrong, part of what is allowed
EDITS = {
    "unknown element": (SYSTEM, "chemical_system: Li-Cp-O", 2, "chemical_system", "'Cp' is no element", EXPECTED),
    "element in lower case": (SYSTEM, "chemical_system: Li-co-O", 2, "chemical_system", "did you mean 'Co'", EXPECTED),
    "formula as system": (SYSTEM, "chemical_system: LiCoO2", 2, "chemical_system", "'LiCoO2' is no", EXPECTED),
    "element twice": (SYSTEM, "chemical_system: Li-Co-Li", 2, "chemical_system", "Li is there twice", EXPECTED),
    "element unknown to the embedded model": (SYSTEM, "chemical_system: Na-Co-O", 2, "chemical_system", "Na not known", "Fe, Li"),
    "system missing": (SYSTEM + "\n", "", 1, "chemical_system", "is missing", EXPECTED),
    "path as name": ("campaign: small", "campaign: ../small", 1, "campaign", "'../small'", "not a path"),
    "absolute name": ("campaign: small", "campaign: /tmp/small", 1, "campaign", "'/tmp/small'", "not a path"),
    "name with capitals": ("campaign: small", "campaign: Small", 1, "campaign", "'Small'", "lower-case letters"),
    "name is a number": ("campaign: small", "campaign: 12", 1, "campaign", "12 is a whole number", "lower-case"),
    "empty name": ("campaign: small", "campaign:", 1, "campaign", "is empty", "lower-case letters"),
    "misspelt section": ("guidance:\n", "guidence:\n", 17, "guidence", "did you mean 'guidance'?", "sampling"),
    "misspelt key": ("threshold", "treshold", 22, "deduplicate.treshold", "did you mean 'threshold'?", "ltol"),
    "key of another section": (SYSTEM, SYSTEM + "\nseed: 3", 3, "seed", "did you mean sampling.seed?", "sampling"),
    "key of a term": ("neighbor: O", "neighbour: O", 12, "terms[0].neighbour", "did you mean 'neighbor'?", "center"),
    "negative size": ("structures: 20", "structures: -20", 5, "sampling.structures", "-20 is out", "from 0 to"),
    "zero size": ("shard: 8", "shard: 0", 6, "sampling.shard", "0 is out of range", "from 1 to"),
    "NaN strength": (STRENGTHS, "strengths: [.nan]", 18, "guidance.strengths[0]", "nan is not finite", "numbers ≥ 0, Å"),
    "infinite strength": (STRENGTHS, "strengths: [0.1, .inf]", 18, "guidance.strengths[1]", "inf is not", "numbers ≥ 0, Å"),
    "negative strength": (STRENGTHS, "strengths: [-0.1]", 18, "guidance.strengths[0]", "-0.1 is out", "numbers ≥ 0, Å"),
    "zero strength of nothing": (STRENGTHS, "strengths: [0.0]\n  particles: null", 18, "guidance.strengths[0]", "0 guides nothing", "above 0"),
    "strength as text": (STRENGTHS, 'strengths: ["0.1"]', 18, "guidance.strengths[0]", "'0.1' is text", "numbers ≥ 0, Å"),
    "strength not a list": (STRENGTHS, "strengths: 0.1", 18, "guidance.strengths", "0.1 is a number", "a list of"),
    "no strengths": (STRENGTHS, "strengths: []", 18, "guidance.strengths", "has 0 entries", "1 or more"),
    "same strength twice": (STRENGTHS, "strengths: [0.1, 0.10000001]", 18, "guidance.strengths[1]", "twice", "differ"),
    "boolean as number": ("structures: 20", "structures: true", 5, "sampling.structures", "true is a", "whole numbers"),
    "boolean as algorithm": (STRENGTHS, "algorithm: true", 18, "guidance.algorithm", "true is a", "from 1 to 2"),
    "number as boolean": (STRENGTHS, "late: 1", 18, "guidance.late", "1 is a whole number", "true or false"),
    "text as number": ("seed: 7", 'seed: "7"', 7, "sampling.seed", "'7' is text", "whole numbers"),
    "fraction as number": ("seed: 7", "seed: 7.5", 7, "sampling.seed", "7.5 is a number", "whole numbers"),
    "huge seed": ("seed: 7", f"seed: {2**63}", 7, "sampling.seed", "out of range", "2^63 - 1"),
    "section as list": ("sampling:\n  structures: 20", "hull: [1]\nsampling:\n  structures: 20", 4, "hull", "a list", "keys"),
    "empty section": ("deduplicate:\n  threshold: 0.10", "deduplicate:", 21, "deduplicate", "is empty", "threshold"),
    "missing checkpoint": ("checkpoint: embedded", "checkpoint: ./nowhere", 3, "model.checkpoint", "no such folder", "last.ckpt"),
    "misspelt checkpoint": ("checkpoint: embedded", "checkpoint: chemical-system", 3, "model.checkpoint", "did you mean 'chemical_system'", "mattergen_base"),
    "infinite guidance factor": ("guidance_factor: 1.0", "guidance_factor: .inf", 3, "model.guidance_factor", "inf is not", "from 0 to 20"),
    "atoms out of order": ("{min: 1, max: 10}", "{min: 11, max: 10}", 8, "sampling.atoms.min", "more than", "sampling.atoms.max"),
    "too few atoms": ("{min: 1, max: 10}", "{min: 1, max: 2}", 8, "sampling.atoms.max", "3 elements", "from 3 on"),
    "shares of sizes": ("{min: 1, max: 10}", "{distribution: {4: 0.5, 8: 0.4}}", 8, "sampling.atoms.distribution", "add up to 0.9", "add up to 1"),
    "share of no size": ("{min: 1, max: 10}", "{distribution: {4: 0.5, 800: 0.5}}", 8, "sampling.atoms.distribution.800", "800 is no number of atoms", "from 1 to 200"),
    "negative share": ("{min: 1, max: 10}", "{distribution: {4: 1.5, 8: -0.5}}", 8, "sampling.atoms.distribution.8", "-0.5 is out of range", "> 0"),
    "sizes named twice": ("{min: 1, max: 10}", "{max: 10, distribution: {4: 1.0}}", 8, "sampling.atoms.max", "beside sampling.atoms.distribution", "one of the two"),
    "sizes too small": ("{min: 1, max: 10}", "{distribution: {1: 0.5, 2: 0.5}}", 8, "sampling.atoms.distribution", "3 elements", "from 3 on"),
    "composition outside the system": ("  atoms: {min: 1, max: 10}", "  composition: {Li: 1, Fe: 1, O: 2}", 8, "sampling.composition.Fe", "Fe is not in the chemical system", "Co, Li, O"),
    "composition of part of the system": ("  atoms: {min: 1, max: 10}", "  composition: {Li: 2, O: 1}", 8, "sampling.composition", "lacks Co", "numbers for Co, Li, O"),
    "composition of no element": ("  atoms: {min: 1, max: 10}", "  composition: {li: 1, Co: 1, O: 2}", 8, "sampling.composition.li", "did you mean 'Li'", "symbols"),
    "composition by shares": ("  atoms: {min: 1, max: 10}", "  composition: {Li: 0.5, Co: 1, O: 2}", 8, "sampling.composition.Li", "0.5 is a number", "whole numbers"),
    "composition and sizes": ("  atoms: {min: 1", "  composition: {Li: 1, Co: 1, O: 2}\n  atoms: {min: 1", 9, "sampling.atoms", "beside sampling.composition", "one of the two"),
    "formula units of nothing": ("seed: 7", "seed: 7\n  formula_units: [2]", 8, "sampling.formula_units", "without sampling.composition", "a composition"),
    "formula units twice": ("  atoms: {min: 1, max: 10}", "  composition: {Li: 1, Co: 1, O: 2}\n  formula_units: [2, 2]", 9, "sampling.formula_units[1]", "2 is there twice", "each number once"),
    "huge cell": ("  atoms: {min: 1, max: 10}", "  composition: {Li: 1, Co: 1, O: 2}\n  formula_units: [51]", 9, "sampling.formula_units", "204 atoms", "up to 200"),
    "missing template": ("  atoms: {min: 1, max: 10}", "  template: {file: nowhere.cif}", 8, "sampling.template.file", "no file 'nowhere.cif'", "the path of a crystal"),
    "template of a wrong field": ("  atoms: {min: 1, max: 10}", "  template: {file: nowhere.cif, fix: [lattice]}", 8, "sampling.template.fix[0]", "'lattice' is not known", "positions, cell, types"),
    "unknown estimator": ("kind: grace", "kind: gracee", 20, "energy.estimator.kind", "did you mean 'grace'?", "ase, chgnet, grace"),
    "estimator without kind": ("{kind: grace, model: embedded}", "{model: embedded}", 20, "energy.estimator.kind", "is missing", "ase, chgnet, grace"),
    "unknown GRACE model": ("model: embedded}", "model: GRACE-2L-OMAT-lage-ft-AM}", 20, "energy.estimator.model", "did you mean 'GRACE-2L-OMAT-large-ft-AM'", "saved_model.pb"),
    "key of another estimator": ("model: embedded}", "version: 0.3.0}", 20, "energy.estimator.version", "unknown key", "kind, model"),
    "calculator that is no path": ("{kind: grace, model: embedded}", "{kind: ase, calculator: EMT}", 20, "energy.estimator.calculator", "'EMT'", "module:attribute"),
    "calculator not installed": ("{kind: grace, model: embedded}", "{kind: ase, calculator: 'nowhere_at_all:EMT'}", 20, "energy.estimator.calculator", "'nowhere_at_all'", "installed package"),
    "range in the wrong order": ("deduplicate:", "screen: {volume_per_atom: [100, 3]}\ndeduplicate:", 21, "screen.volume_per_atom", "100 is not below 3", "smallest < largest"),
    "range with one end": ("deduplicate:", "screen: {volume_per_atom: [3]}\ndeduplicate:", 21, "screen.volume_per_atom", "1 entries", "2 entries"),
    "particle times out of order": (STRENGTHS, "particles: {times: [0.1, 0.5]}", 18, "guidance.particles.times[1]", "0.5 comes after 0.1", "fall"),
    "stop after start": (STRENGTHS, "stop: 0.8", 18, "guidance.stop", "0.8 is not below guidance.start", "times below"),
    "late arm without a window": (STRENGTHS, "start: 0.7\n  stop: 0.05", 19, "guidance.stop", "guidance.late_start = 0.05", "times below"),
    "tolerances that fall": ("deduplicate:", "symmetrize: {symprec: [0.1, 0.01]}\ndeduplicate:", 21, "symmetrize.symprec[1]", "0.01 comes after 0.1", "rise"),
    "no terms": (f"      - {{{KIND}}}\n", "      []\n", 11, "constraints.co_o_4.terms", "has 0 entries", "1 or more"),
    "terms missing": ("    terms: [{kind: volume_per_atom, target: 15}]\n", "", 14, "constraints.volume_15.terms", "is missing", "a list"),
    "unknown kind of term": ("kind: volume_per_atom", "kind: volume_per_atoms", 15, "constraints.volume_15.terms[0].kind", "did you mean 'volume_per_atom'", "coordination"),
    "term that is a word": ("[{kind: volume_per_atom, target: 15}]", "[volume]", 15, "constraints.volume_15.terms[0]", "'volume' is text", "kind is one of"),
    "foreign element in a term": ("neighbor: O", "neighbor: S", 12, "constraints.co_o_4.terms[0].neighbor", "S is not in the chemical system", "Co, Li, O"),
    "negative target": ("target: 15", "target: -15", 15, "constraints.volume_15.terms[0].target", "-15 is out of range", "> 0"),
    "infinite target": ("target: 15", "target: .inf", 15, "constraints.volume_15.terms[0].target", "inf is not finite", "finite numbers"),
    "tolerance of nothing": ("satisfied_within: 0.5\n  volume", "satisfied_within: 0\n  volume", 13, "constraints.co_o_4.satisfied_within", "0 is out", "> 0"),
    "units that differ": (f"- {{{KIND}}}", f"- {{{KIND}}}\n      - {{kind: volume_per_atom, target: 15}}", 13, "constraints.co_o_4.terms[1].tolerance", "is missing", "Å³/atom"),
    "constraint with a bad name": ("  volume_15:", "  Volume-15:", 14, "constraints.Volume-15", "no such name", "underscores"),
    "constraints twice": ("deduplicate:", "constraints: {}\ndeduplicate:", 21, "constraints", "appears twice (first in line 9)", "once"),
    "negative energy": ("chemical_system: Li-Co-O", "chemical_system: Li-Co-O\nhull: {shown_below: -1}", 3, "hull.shown_below", "-1 is out", "eV/atom"),
    "duplicate key": ("  seed: 7", "  seed: 7\n  seed: 8", 8, "sampling.seed", "appears twice (first in line 7)", "each key once"),
    "unknown source": ("deduplicate:", "references: [embeded]\ndeduplicate:", 21, "references[0]", "did you mean 'embedded'", "embedded"),
    "source twice": ("deduplicate:", "references: [embedded, embedded]\ndeduplicate:", 21, "references[1]", "twice", "embedded"),
    "comparison twice": ("deduplicate:", "statistics: {comparisons: [late, late]}\ndeduplicate:", 21, "statistics.comparisons[1]", "twice", "unguided"),
    "YAML tag": ("seed: 7", "seed: !!python/object/apply:os.system [true]", 7, "(file)", "!!python/object/apply:os.system", "without tags"),
    "own tag": ("seed: 7", "seed: !secret 7", 7, "(file)", "the YAML tag !secret", "without tags"),
    "innocent tag": ("seed: 7", "seed: !!int 7", 7, "(file)", "the YAML tag !!int", "without tags"),
    "tab as indentation": ("  seed: 7", "\tseed: 7", 7, "(file)", "not readable as YAML", "never tabs"),
    "strengths that are no word": (STRENGTHS, "strengths: automatic", 18, "guidance.strengths", "'automatic' is not known", "auto"),
    "pilot without its key": (STRENGTHS, "strengths: {aut: {}}", 18, "guidance.strengths.aut", "did you mean 'auto'", "auto"),
    "empty pilot": (STRENGTHS, "strengths: {}", 18, "guidance.strengths.auto", "is missing", "candidates, structures"),
    "pilot that is no mapping": (STRENGTHS, "strengths: {auto: 32}", 18, "guidance.strengths.auto", "32 is a whole number", "candidates, structures"),
    "one candidate": (STRENGTHS, "strengths: {auto: {candidates: [0.1]}}", 18, "auto.candidates", "has 1 entries", "2 or more"),
    "candidate twice": (STRENGTHS, "strengths: {auto: {candidates: [0.1, 0.1]}}", 18, "auto.candidates[1]", "twice", "differ"),
    "pilot of nothing": (STRENGTHS, "strengths: {auto: {structures: 0}}", 18, "auto.structures", "0 is out", "whole numbers"),
    "bound that is no share": (STRENGTHS, "strengths: {auto: {worst_validity: 10}}", 18, "auto.worst_validity", "10 is out", "from 0 to 1"),
    "auto among strengths": (STRENGTHS, "strengths: [0.1, auto]", 18, "guidance.strengths[1]", "'auto' is text", "numbers ≥ 0, Å"),
    "bracket not closed": (STRENGTHS, "strengths: [0.1", 19, "(file)", "not readable as YAML", "one YAML document"),
    "two documents": ("guidance:", "---\nguidance:", 17, "(file)", "a second document", "one YAML document"),
    "unknown anchor": (STRENGTHS, "strengths: *before", 18, "(file)", "undefined alias", "one YAML document"),
    "anchor inside itself": (STRENGTHS, "strengths: &s [*s]", 18, "guidance.strengths[0]", "contains itself", "finished"),
    "control character": ("seed: 7", "seed: 7 # \x07", 7, "(file)", "is not allowed in YAML", "printable text"),
    "number as key": ("guidance:\n", "7: 8\nguidance:\n", 17, "(file)", "7 cannot be a key", "texts"),
}  # fmt: skip


def check(path):
    result = CliRunner().invoke(main, ["check", str(path)])
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    assert "Traceback" not in result.stderr
    return result.stderr.splitlines()


@pytest.mark.parametrize("name", EDITS)
def test_a_fault_is_told_with_place_key_and_what_is_allowed(name, good, tmp_path):
    old, new, line, key, wrong, allowed = EDITS[name]
    assert old in good
    path = tmp_path / "wrong.yaml"
    path.write_text(good.replace(old, new, 1))
    told = [text.removeprefix(f"{path}:{line}: ").partition(": ") for text in check(path)]
    (rest,) = [rest for place, _, rest in told if place.endswith(key) and str(path) not in place]
    said, _, may = rest.partition("; allowed: ")
    assert wrong in said
    assert allowed in may


FILES = {
    "empty file": (b"", 1, "is empty", "campaign, chemical_system"),
    "only comments": (b"# nothing\n", 1, "is empty", "campaign, chemical_system"),
    "list at the top": (b"- campaign: small\n", 1, "holds a list", "campaign, chemical_system"),
    "word at the top": (b"small\n", 1, "holds a single value", "campaign, chemical_system"),
    "not UTF-8": (b"campaign: small\n# f\xfcr Oxide\n", 2, "byte 0xfc is not UTF-8", "text in UTF-8"),
    "UTF-16": ("campaign: small\n".encode("utf-16"), 1, "is not UTF-8", "text in UTF-8"),
    "huge file": (b"# " + b"x" * 300_000, 1, "has 300,002 bytes", "up to 262,144 bytes"),
    "deep nesting": (b"a: " + b"[" * 5000 + b"]" * 5000, 1, "nested deeper than 30", "one YAML document"),
    "binary": (bytes(range(8)), 1, "is not allowed in YAML", "printable text"),
    "a billion laughs": (
        b"a: &a [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]\n"
        + b"".join(
            f"{y}: &{y} [{', '.join([f'*{x}'] * 10)}]\n".encode()
            for x, y in zip("abcdefgh", "bcdefghi", strict=True)
        ),
        1,
        "more than 50000 values",
        "written by hand",
    ),
}


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_is_no_campaign_is_refused(name, tmp_path):
    content, line, wrong, allowed = FILES[name]
    path = tmp_path / "wrong.yaml"
    path.write_bytes(content)
    (told,) = check(path)
    assert told.startswith(f"{path}:{line}: ")
    said, _, may = told.partition("; allowed: ")
    assert wrong in said
    assert allowed in may


def test_a_file_that_is_not_there_is_refused(tmp_path):
    (tmp_path / "folder.yaml").mkdir()
    assert check(tmp_path / "none.yaml") == [
        f"{tmp_path / 'none.yaml'}: (file): does not exist; allowed: a campaign file (YAML)"
    ]
    assert "is a folder; allowed" in check(tmp_path / "folder.yaml")[0]
    assert "is no regular file" in check("/dev/null")[0]


def test_several_faults_are_told_at_once_in_the_order_of_the_file(good, tmp_path):
    path = tmp_path / "wrong.yaml"
    edits = [
        ("Li-Co-O", "Li-Qq-O"),
        ("seed: 7", "seed: x"),
        ("0.1, 0.3", ".nan, -1"),
        ("threshold", "treshold"),
    ]
    for old, new in edits:
        good = good.replace(old, new)
    path.write_text(good)
    told = [text.removeprefix(f"{path}:").split(": ")[:2] for text in check(path)]
    assert told == [
        ["2", "chemical_system"],
        ["7", "sampling.seed"],
        ["18", "guidance.strengths[0]"],
        ["18", "guidance.strengths[1]"],
        ["22", "deduplicate.treshold"],
    ]


@pytest.mark.parametrize(
    ("present", "missing"),
    [([], "config.yaml and checkpoints/last.ckpt"), (["config.yaml"], "checkpoints/last.ckpt")],
)
def test_a_checkpoint_folder_must_be_whole(present, missing, good, tmp_path):
    folder = tmp_path / "weights"
    folder.mkdir()
    for name in present:
        (folder / name).touch()
    path = tmp_path / "wrong.yaml"
    path.write_text(good.replace("checkpoint: embedded", f"checkpoint: {folder}"))
    (told,) = check(path)
    assert f"model.checkpoint: folder '{folder}' lacks {missing}; allowed: " in told


def test_a_whole_checkpoint_folder_is_accepted_relative_to_the_working_folder(good, tmp_path, monkeypatch):
    (tmp_path / "weights" / "checkpoints").mkdir(parents=True)
    shutil.copy(EMBEDDED / "config.yaml", tmp_path / "weights")
    (tmp_path / "weights" / "checkpoints" / "last.ckpt").touch()
    (tmp_path / "config").mkdir()
    path = tmp_path / "config" / "own.yaml"
    path.write_text(good.replace("checkpoint: embedded", "checkpoint: weights"))
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(main, ["check", "config/own.yaml"])
    assert result.exit_code == 0, result.stderr
    monkeypatch.chdir(tmp_path / "config")
    assert "there is no such folder" in check("own.yaml")[0]


def test_a_campaign_needs_a_constraint(tmp_path):
    path = tmp_path / "wrong.yaml"
    path.write_text("campaign: small\nchemical_system: B\nconstraints: {}\n")
    (told,) = check(path)
    assert (
        told
        == f"{path}:3: constraints: has 0 entries; allowed: a mapping of names to constraints, one or more"
    )
    path.write_text("campaign: small\nchemical_system: B\n")
    (told,) = check(path)
    assert told.startswith(f"{path}:1: constraints: is missing; allowed: ")
