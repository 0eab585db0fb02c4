"""`references` of a campaign: names, mappings and files become sources, or faults with file, line and key."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from lodestone.config import Campaign, ConfigError, load_campaign
from lodestone.operations.summary import summary
from lodestone.workflow.settings import resolved
from lodestone.workflow.stages import settings

HEAD = """\
campaign: asked
chemical_system: Li-Co-O
constraints:
  co_o_4: {terms: [{kind: coordination, center: Co, neighbor: O, target: 4}], satisfied_within: 0.5}
"""
CIF = """\
data_o
_cell_length_a 3
_cell_length_b 3
_cell_length_c 3
_cell_angle_alpha 90
_cell_angle_beta 90
_cell_angle_gamma 90
loop_
_atom_site_type_symbol
_atom_site_fract_x
_atom_site_fract_y
_atom_site_fract_z
O 0 0 0
"""


@pytest.fixture
def campaign(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "lab").mkdir()
    (tmp_path / "lab" / "o.cif").write_text(CIF)
    (tmp_path / "lab.csv").write_text("file,energy_per_atom\no.cif,-1\n")

    def load(references: str) -> Campaign:
        path = Path("asked.yaml")
        path.write_text(f"{HEAD}references: {references}\n" if references else HEAD)
        return load_campaign(path)

    return load


def test_names_mappings_and_files_are_sources_in_their_order(campaign) -> None:
    Path("mine.yaml").write_text("kind: files\nname: mine\npath: lab/o.cif\n")
    found = campaign(
        "[embedded, {name: oqmd, required: true, attempts: 2},"
        " {name: lab, kind: files, path: lab, energies: lab.csv, licence: internal}, mine.yaml]"
    )
    assert [source.name for source in found.references] == ["embedded", "oqmd", "lab", "mine"]
    assert [source.kind for source in found.references] == ["embedded", "optimade", "files", "files"]
    oqmd = found.references[1]
    assert oqmd.required
    assert oqmd.attempts == 2
    assert oqmd.url.startswith("https://")
    assert [str(path) for path in found.references[2].paths()] == ["lab/o.cif", "lab.csv"]
    assert summary(found).endswith("against embedded, oqmd, lab, mine")
    assert json.loads(json.dumps(resolved(found)))["references"][2]["energies"] == "lab.csv"


def test_the_default_is_the_embedded_set(campaign) -> None:
    assert campaign("").references == campaign("[embedded]").references
    assert [source.name for source in campaign("").references] == ["embedded"]


ALLOWED = "a YAML file that describes a source, or a mapping with a name and a kind"
FAULTS = {
    "unknown name": ("[embeded]", "references[0]", "no source 'embeded', did you mean 'embedded'?", ALLOWED),
    "twice": ("[embedded, embedded]", "references[1]", "embedded is there twice", "each name once"),
    "no list": ("embedded", "references", "'embedded' is text", "a list of 1 or more entries"),
    "none": ("[]", "references", "has 0 entries", "a list of 1 or more entries"),
    "a number": ("[5]", "references[0]", "5 is no source", ALLOWED),
    "unknown key": (
        "[{name: oqmd, requird: true}]",
        "references[0].requird",
        "did you mean 'required'?",
        "url",
    ),
    "no kind": ("[{name: own}]", "references[0].kind", "is missing", "files"),
    "unknown kind": ("[{name: own, kind: file}]", "references[0].kind", "did you mean 'files'?", "optimade"),
    "another kind": ("[{name: oqmd, kind: files}]", "references[0].kind", "kind optimade", "another name"),
    "no name": ("[{kind: files, path: lab}]", "references[0].name", "is missing", "small letters"),
    "bad name": ("[{name: a b, kind: files, path: lab}]", "references[0].name", "'a b'", "small letters"),
    "not strict": ("[{name: oqmd, required: 1}]", "references[0].required", "1: Input should be", "true"),
    "no folder": ("[{name: a, kind: files, path: lob}]", "references[0].path", "lob does not exist", ".cif"),
    "no CSV": (
        "[{name: a, kind: files, path: lab, energies: e.csv}]",
        "references[0].energies",
        "there is no file e.csv",
        "a CSV file",
    ),
    "no file": ("[mine.yaml]", "references[0]", "mine.yaml: does not exist", "the keys of one source"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_faults_are_told_with_line_key_and_what_is_allowed(campaign, name: str) -> None:
    references, key, wrong, allowed = FAULTS[name]
    with pytest.raises(ConfigError) as error:
        campaign(references)
    (fault,) = error.value.faults
    assert fault.where == "asked.yaml:5"
    assert fault.key == key
    assert wrong in fault.wrong
    assert allowed in fault.allowed


def test_faults_of_a_description_are_told_with_its_own_line(campaign) -> None:
    Path("mine.yaml").write_text("kind: files\nname: mine\npath: lab\nenergie: x\n")
    with pytest.raises(ConfigError) as error:
        campaign("[embedded, mine.yaml]")
    (fault,) = error.value.faults
    assert fault.key == "references[1]"
    assert fault.wrong == "mine.yaml:4: energie: unknown key, did you mean 'energies'?"
    Path("mine.yaml").write_text("kind: files\nkind: files\n")
    with pytest.raises(ConfigError, match=r"mine\.yaml:2"):
        campaign("[mine.yaml]")


def test_every_fault_is_told_at_once(campaign) -> None:
    with pytest.raises(ConfigError) as error:
        campaign("[embeded, {name: oqmd, requird: 1, page_limit: 0}, {name: b}]")
    assert [fault.key for fault in error.value.faults] == [
        "references[0]",
        "references[1].page_limit",
        "references[1].requird",
        "references[2].kind",
    ]


def test_an_edited_file_of_the_lab_reruns_what_uses_it(campaign) -> None:
    def slices() -> dict[str, str]:
        found = campaign("[{name: lab, kind: files, path: lab, energies: lab.csv}]")
        return {stage: json.dumps(settings(stage, found)) for stage in ("references", "novelty", "screen")}

    before = slices()
    assert slices() == before
    for path, text in (
        ("lab.csv", "file,energy_per_atom\no.cif,-2\n"),
        ("lab/o.cif", CIF.replace("3\n", "4\n")),
    ):
        Path(path).write_text(text)
        after = slices()
        assert {stage for stage in after if after[stage] != before[stage]} == {"references"}
        before = after
    (Path("lab") / "new.cif").write_text(CIF)
    assert slices()["references"] != before["references"]


@pytest.mark.usefixtures("campaign")
def test_patience_is_no_reason_to_sample_anew() -> None:
    from lodestone.workflow.potentials import potentials

    _, _, constraint = HEAD.partition("{terms")
    head = HEAD.replace(constraint, ": [{kind: energy_above_hull, target: 0}], satisfied_within: 0.5}\n")
    path = Path("hull.yaml")

    def asked(references: str) -> dict[str, object]:
        path.write_text(f"{head}references: {references}\n")
        found = load_campaign(path)
        return potentials(found, found.constraints)

    first = asked("[oqmd]")
    assert asked("[{name: oqmd, attempts: 9, required: true}]") == first
    assert asked("[{name: oqmd, url: 'https://mirror.example/v1'}]") != first


def test_reading_a_campaign_imports_nothing_heavy(campaign) -> None:
    campaign("[embedded, {name: lab, kind: files, path: lab}]")
    code = (
        "from lodestone.config import load_campaign; from lodestone.workflow.stages import settings\n"
        "from pathlib import Path; import sys\n"
        "settings('references', load_campaign(Path('asked.yaml')))\n"
        "print(*{'polars', 'numpy', 'ase', 'pymatgen', 'torch', 'requests'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
