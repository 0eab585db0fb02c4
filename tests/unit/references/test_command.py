"""`lodestone references`: what is built, what is told, and with which exit code."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))  # the sources beside this file are not a package

import made_up  # noqa: E402
from made_up import SYSTEMS  # noqa: E402

from lodestone.cli import main  # noqa: E402
from lodestone.references import sources  # noqa: E402
from lodestone.references.store import (  # noqa: E402
    Store,
    bucket,
)

CAMPAIGN = """\
campaign: asked
chemical_system: Li-Co-O
constraints:
  co_o_4: {terms: [{kind: coordination, center: Co, neighbor: O, target: 4}], satisfied_within: 0.5}
references: [embedded, asked.yaml]
"""


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """An empty store, and the made-up kinds `asked` and `whole` among those of the package."""
    kinds = tmp_path / "kinds"
    kinds.mkdir()
    for kind, model in (("asked", "Asked"), ("whole", "Whole")):
        text = f"from made_up import {model} as Made\nclass {model}(Made):\n    '''Made up.'''\n"
        (kinds / f"{kind}.py").write_text(text)
    monkeypatch.setattr(sources, "__path__", [*sources.__path__, str(kinds)])
    for kind in ("asked", "whole"):
        monkeypatch.delitem(sys.modules, f"{sources.__name__}.{kind}", raising=False)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LODESTONE_REFERENCES", str(tmp_path / "store"))
    Path("asked.yaml").write_text("kind: asked\nname: asked\nlicence: CC0\n")
    Path("whole.yaml").write_text("kind: whole\nname: whole\nlicence: CC0\n")
    Path("campaign.yaml").write_text(CAMPAIGN)
    return Store(tmp_path / "store")


def run(*arguments: str, code: int = 0) -> Result:
    found = CliRunner().invoke(main, ["references", *arguments])
    assert found.exit_code == code, found.output
    return found


def test_build_of_a_campaign_fetches_its_system_and_sub_systems_once(store: Store) -> None:
    found = run("build", "campaign.yaml")
    assert "embedded: 242 references, read from its files" in found.stdout
    assert "asked: 21 references in 7 of 7 chemical systems" in found.stdout
    assert "asked: Co-Li-O (1 of 7 systems): 3 references" in found.stderr
    again = run("build", "campaign.yaml", "--source", "asked")
    assert again.stderr == ""
    assert "embedded" not in again.stdout
    assert store.read("asked", SYSTEMS).height == 21


def test_build_of_named_sources_needs_a_system_or_a_whole_database(store: Store) -> None:
    assert "give a campaign file or --source" in run("build", code=2).stderr
    assert (
        "asked: asked by chemical system; give --system"
        in run("build", "--source", "asked.yaml", code=2).stderr
    )
    run("build", "--source", "asked.yaml", "--system", "Li-O", "--system", "Co")
    assert store.read("asked", SYSTEMS)["chemical_system"].unique().sort().to_list() == [
        "Co",
        "Li",
        "Li-O",
        "O",
    ]
    found = run("build", "--source", "whole.yaml")
    assert "whole: 70 references, complete, retrieved 20" in found.stdout
    assert store.read("whole", SYSTEMS).height == 70


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("build", "none.yaml"), "none.yaml: (file): does not exist"),
        (("build", "--source", "oqm"), "no source 'oqm', did you mean 'oqmd'?"),
        (("build", "--source", "oqmd", "--system", "Li-Xx"), "'Xx' is no element"),
        (("build", "--source", "oqmd", "--system", "Li-Li"), "an element is there twice"),
        (("update",), "nothing in"),
        (("show", "Li-Xx"), "'Xx' is no element"),
        (("show", "Li-O", "--cif"), "--cif prints one crystal; give its id"),
        (("update", "--older-than", "-1", "campaign.yaml"), "x>=0"),
    ],
)
@pytest.mark.usefixtures("store")
def test_wrong_input_ends_with_2(arguments: tuple[str, ...], told: str) -> None:
    assert told in run(*arguments, code=2).stderr


@pytest.mark.usefixtures("store")
def test_a_source_that_fails_is_named_and_the_others_go_on() -> None:
    Path("down.yaml").write_text("kind: asked\nname: down\ndown: [Co-Li-O, Li-O]\n")
    Path("short.yaml").write_text("kind: asked\nname: short\nshort: [Co-O]\n")
    Path("broken.yaml").write_text("kind: whole\nname: broken\nbroken_after: 2\n")
    names = [part for name in ("down", "short", "broken", "asked") for part in ("--source", f"{name}.yaml")]
    found = run("build", *names, "--system", "Li-Co-O", code=1)
    assert "down: 0 references in 0 of 7 chemical systems; missing: Co, Li, O, " in found.stdout
    assert "  failed: down: no answer from https://asked.example" in found.stdout
    assert "short: 18 references in 6 of 7 chemical systems; missing: Co-O" in found.stdout
    assert "broken: not built; what was there stays" in found.stdout
    assert "whole.json ends after entry 16" in found.stdout
    assert "asked: 21 references in 7 of 7" in found.stdout
    assert found.stderr.endswith("failed: down, short, broken\n")


def test_build_mends_damaged_files(store: Store) -> None:
    run("build", "campaign.yaml")
    run("build", "--source", "whole.yaml")
    before = {name: store.read(name, SYSTEMS) for name in ("asked", "whole")}
    for name in before:
        ledger = store.ledger(name)
        assert ledger is not None
        path = store.folder / name / ledger.files[bucket("Li-O")].name
        path.write_bytes(path.read_bytes()[:100])
    found = run("build", "campaign.yaml", "--source", "asked", "--source", "whole.yaml")
    assert found.stderr.count("references: damaged: ") == 2
    for name, rows in before.items():
        assert store.read(name, SYSTEMS).equals(rows)


def test_a_damaged_list_of_contents_is_told(store: Store) -> None:
    run("build", "campaign.yaml")
    (store.folder / "asked" / "source.json").write_text("{")
    found = run("build", "campaign.yaml", code=1)
    assert "asked: not built" in found.stdout
    assert "source.json is damaged" in found.stdout
    assert "source.json is damaged" in run("list", code=1).stdout


def test_update_fetches_again_what_is_old_enough(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    run("build", "campaign.yaml")
    run("build", "--source", "whole.yaml")
    asked: list[str] = []
    deliver = made_up.Asked.deliver
    monkeypatch.setattr(made_up.Asked, "deliver", lambda self, *a: asked.append(a[0]) or deliver(self, *a))
    found = run("update", "campaign.yaml", "--older-than", "30")
    assert asked == []
    assert "--configfile campaign.yaml --profile profiles/local --forcerun references" in found.stdout
    run("update", "campaign.yaml")
    assert sorted(asked) == sorted(SYSTEMS)
    asked.clear()
    table = store.read("asked", ["Li"])
    monkeypatch.setattr("made_up.crystals", lambda *_, **__: table.head(0))
    found = run("update", code=1)  # every source of the store, as it was described
    assert sorted(asked) == sorted(SYSTEMS)
    assert "whole: not one crystal came" in found.stdout
    assert "asked: 21 references in 7 of 7" in found.stdout  # the old ones stay
    assert store.read("asked", SYSTEMS).height == 21
    assert store.read("whole", SYSTEMS).height == 70


def test_list_tells_what_there_is(store: Store) -> None:
    assert run("list").stdout == f"nothing in {store.folder}\n"
    run("build", "campaign.yaml")
    run("build", "--source", "whole.yaml")
    text = run("list").stdout
    assert "left out" in text.splitlines()[0]
    asked, whole = json.loads(run("list", "--json").stdout)
    assert (asked["source"], asked["kind"], asked["licence"]) == ("asked", "asked", "CC0")
    assert (asked["systems"], asked["references"], asked["left_out"]) == (7, 21, 7)
    assert (whole["systems"], whole["references"], whole["left_out"]) == (7, 70, 9)
    assert asked["bytes"] == sum(path.stat().st_size for path in store.folder.glob("asked/*.parquet"))
    assert len(asked["retrieved"]) == 2


@pytest.mark.usefixtures("store")
def test_show_a_system_and_a_crystal() -> None:
    run("build", "campaign.yaml")
    head, *lines = run("show", "Li-O").stdout.splitlines()
    assert head.split()[:4] == ["id", "formula", "system", "atoms"]
    own = [line.split() for line in lines if line.startswith("asked/")]
    assert [line[0] for line in own] == [f"asked/{s}-000{i}" for s in ("Li", "O", "Li-O") for i in range(3)]
    assert own[7][1:6] == ["Li2O2", "Li-O", "4", "-1.1000", "0.0100"]
    assert any(line.startswith("embedded/") for line in lines)
    rows = json.loads(run("show", "asked/Li-O-0001", "--json").stdout)
    assert [row["source_id"] for row in rows] == ["Li-O-0001"]
    assert "no reference asked/none" in run("show", "asked/none", code=1).stderr
    assert "no reference Xe" in run("show", "Xe", code=1).stderr


def test_a_crystal_as_cif_is_the_crystal(store: Store) -> None:
    from pymatgen.core import Structure

    from lodestone.structures.table import to_pymatgen

    run("build", "campaign.yaml")
    text = run("show", "asked/Li-O-0001", "--cif").stdout
    assert text.startswith("# asked/Li-O-0001, licence: CC0\n")
    (expected,) = to_pymatgen(store.read("asked", ["Li-O"])[1:2])
    found = Structure.from_str(text, fmt="cif")
    assert found.composition == expected.composition
    assert found.volume == pytest.approx(expected.volume, rel=1e-6)
    assert "data_" in run("show", "embedded/Li-Co-O/Li/001", "--cif").stdout


@pytest.mark.usefixtures("store")
def test_show_finds_the_campaign_s_own_files() -> None:
    Path("lab").mkdir()
    Path("lab/o.vasp").write_text("O\n1\n3 0 0\n0 3 0\n0 0 3\nO\n1\nDirect\n0 0 0\n")
    Path("lab.yaml").write_text(CAMPAIGN.replace("asked.yaml", "{name: lab, kind: files, path: lab}"))
    assert "lab/o.vasp" in run("show", "O", "--config", "lab.yaml").stdout
    assert "lab/o.vasp" not in run("show", "O").stdout


def test_every_command_has_help() -> None:
    for command in ("build", "update", "list", "show"):
        text = run(command, "--help").stdout
        assert "Usage:" in text
        assert command == "list" or "Example:" in text
