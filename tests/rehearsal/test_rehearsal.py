"""What a rehearsal is made of, and what it tells of a campaign: its potential, references, stages, memory."""

import json
import subprocess
import sys

import numpy as np
import pytest
from tools.rehearsal.__main__ import ROOT, SHARED, keep, once, take_over
from tools.rehearsal.campaigns import CHEMICAL_SYSTEM, campaign, write_template
from tools.rehearsal.page import PAGE, RESULT, tables, write
from tools.rehearsal.potential import COVERED, as_published
from tools.rehearsal.references import PROTOTYPES, decorations, description, write_references
from tools.rehearsal.watch import WHOLE, Stages, below, watched

from lodestone.config.campaign import Campaign
from lodestone.references.building import fetch_all
from lodestone.references.descriptions import resolve
from lodestone.references.store import Store, systems_within
from lodestone.sampling.mattergen.published import PUBLISHED
from lodestone.structures.elements import RADII
from lodestone.structures.neighbours import shortest_contact

LOG = """\
[Mon Nov 30 23:59:58 2026]
Job 6: sample unguided, shard 0000
Reason: Missing output files
[Mon Nov 30 23:59:59 2026]
Job 10: sample volume-s0.1, shard 0000
[Tue Dec  1 00:00:05 2026]
Finished jobid: 6 (Rule: sample)
1 of 9 steps (11%) done
[Tue Dec  1 00:00:10 2026]
Finished jobid: 10 (Rule: sample)
[Tue Dec  1 00:00:10 2026]
Job 5: measure unguided
[Tue Dec  1 00:00:12 2026]
Finished jobid: 5 (Rule: measure)
"""
SYSTEM = tuple(CHEMICAL_SYSTEM.split("-"))
IN_SYSTEM = 4 * 3 + 7 * 6 + 5 * 6
"""Prototypes of one, two and three elements, each with every ordered choice of the three of the system."""


def test_seconds_of_a_stage_are_those_of_all_of_its_jobs():
    stages = Stages()
    told = [line for line in map(stages.feed, LOG.splitlines()) if line]
    assert stages.seconds == {"sample": 7 + 11, "measure": 2}
    assert told == ["1 of 9 jobs, sample 7 s"]


@pytest.mark.parametrize("name", PUBLISHED)
def test_every_published_checkpoint_has_a_campaign(name, tmp_path):
    (tmp_path / "saved_model.pb").touch()
    template = tmp_path / "template.extxyz"
    write_template(template, 12)
    document = campaign(name, tmp_path, tmp_path, ["embedded"], structures=4, steps=4, template=template)
    document["model"]["checkpoint"] = name  # the weights are not written here
    found = Campaign.model_validate(document)
    assert set(found.model.conditions) == set(PUBLISHED[name]) - {"chemical_system"}
    assert found.sampling.template.atoms == tuple(range(11))
    assert found.model.masked == ("chemical_system" not in PUBLISHED[name])


def test_another_architecture_than_the_published_one_is_refused():
    as_published(26_394_284)
    with pytest.raises(RuntimeError, match="21,764,956 parameters, the published model 26,394,284"):
        as_published(21_764_956)  # the preset's size `medium`


def test_a_template_is_a_whole_number_of_cells(tmp_path):
    with pytest.raises(ValueError, match="10 atoms"):
        write_template(tmp_path / "template.extxyz", 10)


def test_the_closest_atoms_of_a_prototype_are_as_far_apart_as_is_said():
    for prototype in PROTOTYPES:
        elements = ("Na", "Cl", "O")[: prototype.kinds]
        cell = prototype.cell * prototype.length(elements)
        radii = np.array([RADII[elements[site]] for site in prototype.sites])
        assert len(prototype.sites) == len(prototype.frac)
        assert shortest_contact(cell, np.array(prototype.frac), radii) == pytest.approx(1.1), prototype.name


def test_references_are_different_and_hold_all_of_the_system():
    found = list(decorations(3000, SYSTEM, np.random.default_rng(1)))
    assert len({(prototype.name, elements) for prototype, elements in found}) == 3000
    assert {e for _, elements in found for e in elements} == set(COVERED)
    assert sum(set(elements) <= set(SYSTEM) for _, elements in found) == IN_SYSTEM


@pytest.mark.filterwarnings("ignore:No Pauling electronegativity")
def test_the_store_reads_the_files_and_pymatgen_does_too(tmp_path):
    import bz2

    from pymatgen.entries.computed_entries import ComputedStructureEntry

    write_references(tmp_path / "files", 500, SYSTEM)
    source, store = resolve(description(tmp_path / "files")), Store(tmp_path / "store")
    part = fetch_all(store, source, lambda _, __: None)
    assert (part.rows, part.left_out) == (500, {})
    rows = store.read(source.name, systems_within(SYSTEM))
    assert rows.height == IN_SYSTEM
    (path,) = (tmp_path / "files").iterdir()
    for one in json.loads(bz2.decompress(path.read_bytes()))["entries"][:IN_SYSTEM:7]:
        theirs = ComputedStructureEntry.from_dict(one)
        assert theirs.composition == theirs.structure.composition
        assert theirs.structure.lattice.volume == pytest.approx(one["structure"]["lattice"]["volume"])


def test_the_memory_and_the_failure_of_a_command_are_told(tmp_path):
    code = (
        "import time; kept = bytearray(300_000_000); kept[::4096] = b'x' * len(kept[::4096]); time.sleep(1.5)"
    )
    took = watched("trial", [sys.executable, "-c", code], tmp_path, {})
    assert took.peak_bytes[WHOLE] > 300_000_000
    with pytest.raises(SystemExit, match="no such thing"):
        watched("trial", [sys.executable, "-c", "raise SystemExit('no such thing')"], tmp_path, {})


def test_processes_of_processes_are_found():
    words = [sys.executable, "-c", "import subprocess; print(flush=True); subprocess.run(['sleep', '60'])"]
    with subprocess.Popen(words, stdout=subprocess.PIPE) as process:
        try:
            process.stdout.readline()
            while len(found := below(process.pid)) < 2:
                assert process.poll() is None
        finally:
            for one in reversed(below(process.pid)):
                subprocess.run(["kill", str(one)], check=False)
    assert found[0] == process.pid


def test_what_is_finished_is_not_made_again(tmp_path):
    calls = []
    for _ in range(2):
        assert once(tmp_path / "one.json", lambda: calls.append(1) or {"a": 1}) == {"a": 1}
    assert calls == [1]


def test_tables_of_the_references_are_taken_over_whole_or_not_at_all(tmp_path):
    first, second, kept = (tmp_path / name for name in ("first", "second", "kept"))
    first.mkdir()
    assert not take_over(kept, first)
    for name in SHARED:
        (first / name).write_text(name)
    keep(first, kept)
    assert take_over(kept, second)
    assert {name: (second / name).read_text() for name in SHARED} == {name: name for name in SHARED}
    (kept / SHARED[-1]).unlink()
    assert not take_over(kept, tmp_path / "third")
    assert not (tmp_path / "third").exists()


def test_what_was_not_run_or_not_asked_is_told():
    result = json.loads(RESULT.read_text(encoding="utf-8"))
    one = result["checkpoints"][0] | {"upstream": None}
    told = tables(result | {"checkpoints": [one], "missing": ["mp_20_base"]})
    assert "Not run: `mp_20_base`." in told
    assert "not asked" in told
    differs = one | {"upstream": {"equal": False, "atoms": [4, 7]}}
    assert "NO (4, 7)" in tables(result | {"checkpoints": [differs]})


def test_the_page_holds_the_result_that_was_measured(tmp_path):
    for folder in (RESULT.relative_to(ROOT).parent, PAGE.parent):
        (tmp_path / folder).mkdir(parents=True)
    for path in (RESULT.relative_to(ROOT), PAGE):
        (tmp_path / path).write_bytes((ROOT / path).read_bytes())
    write(tmp_path)
    message = "run: python -m tools.documentation rehearsal"
    assert (tmp_path / PAGE).read_text(encoding="utf-8") == (ROOT / PAGE).read_text(encoding="utf-8"), message
