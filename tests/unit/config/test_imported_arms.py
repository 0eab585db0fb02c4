# ruff: noqa: E501  (a fault per line)
"""Arms from elsewhere: their faults, their jobs, and what an edit of them reruns."""

import json

import pytest
from ase import Atoms
from ase.io import write

from lodestone.config import ConfigError, arms, shards
from lodestone.operations.plan import plan, plan_text
from lodestone.operations.status import status
from lodestone.operations.summary import summary
from lodestone.workflow.paths import CampaignPaths
from lodestone.workflow.settings import passes_per_arm
from lodestone.workflow.stages import jobs, settings
from lodestone.workflow.wiring import Wiring

HEAD = "chemical_system: Li-Co-O"


@pytest.fixture
def elsewhere(campaign, tmp_path):
    """Loads a campaign with these arms, `FILE` being a file of three structures."""
    file = tmp_path / "three.extxyz"
    write(
        file,
        [
            Atoms("LiCoO2", cell=[4 + i] * 3, pbc=True, scaled_positions=[[j / 4] * 3 for j in range(4)])
            for i in range(3)
        ],
    )

    def load(text, *replace):
        return campaign((HEAD, f"{HEAD}\narms: {text.replace('FILE', str(file))}"), *replace)

    load.file = file
    return load


NONE_DRAWN = ("structures: 20", "structures: 0")


def test_they_follow_the_sampled_arms_and_are_one_shard(elsewhere):
    found = elsewhere("[{name: mine, structures: FILE}]")
    *sampled, mine = arms(found)
    assert [arm.name for arm in sampled] == [arm.name for arm in arms(elsewhere("[]"))]
    assert (mine.name, mine.kind, mine.imported, mine.constraint) == ("mine", "imported", True, None)
    assert not any(arm.imported for arm in sampled)
    assert [(s.index, s.structures) for s in shards(found, mine)] == [(0, 3)]
    names = [(job.rule, job.arm) for job in jobs(found) if job.arm == "mine"]
    assert names[0] == ("import_structures", "mine")
    assert ("sample", "mine") not in names
    assert ("energy", "mine") in names


def test_a_campaign_may_draw_nothing(elsewhere):
    found = elsewhere(
        "[{name: mine, structures: FILE}, {name: plain, structures: FILE, role: unguided}]", NONE_DRAWN
    )
    assert [(arm.name, arm.kind) for arm in arms(found)] == [("mine", "imported"), ("plain", "unguided")]
    assert passes_per_arm(found) == {}
    made = plan(found, CampaignPaths(campaign="small"))
    assert made.structures == 6
    assert "sample" not in made.jobs
    assert "passes" in plan_text(made)
    assert "denoising steps" not in plan_text(made)
    assert "mine: 3 structures of" in summary(found)
    rows = {(row.arm, row.stage): row for row in status(found, CampaignPaths(campaign="small")).stages}
    assert (rows["mine", "import"].done, rows["mine", "import"].total) == (0, 3)
    assert ("mine", "sample") not in rows


def test_an_edited_file_is_imported_anew_and_nothing_is_sampled_for_it(elsewhere):
    found = elsewhere("[{name: mine, structures: FILE}]")
    mine = arms(found)[-1]
    before = settings("import_structures", found, arm=mine)
    assert json.loads(json.dumps(before)) == before
    assert before["structures"] == str(elsewhere.file)
    elsewhere.file.write_text(elsewhere.file.read_text() + "\n")
    after = settings("import_structures", found, arm=mine)
    assert {key for key in before if before[key] != after[key]} == {"sha256"}
    plain = elsewhere("[]")
    for arm in arms(plain):
        shard = shards(plain, arm)[0]
        assert settings("sample", found, arm=arm, shard=shard) == settings(
            "sample", plain, arm=arm, shard=shard
        )
    with pytest.raises(ValueError, match="need an arm whose structures are imported"):
        settings("import_structures", found, arm=arms(found)[0])


def test_patterns_tell_the_two_kinds_of_arms_apart(elsewhere):
    import re

    wiring = Wiring(elsewhere("[{name: unguided-2, structures: FILE}, {name: a.b, structures: FILE}]"))
    sampled = re.compile(rf"arms/(?P<arm>{wiring.sampled_arms})/samples")
    imported = re.compile(rf"arms/(?P<arm>{wiring.imported_arms})/samples")
    for name in wiring.arms:
        own, other = (imported, sampled) if wiring.arms[name].imported else (sampled, imported)
        assert own.fullmatch(f"arms/{name}/samples")["arm"] == name
        assert other.fullmatch(f"arms/{name}/samples") is None
    assert re.fullmatch(Wiring(elsewhere("[]")).imported_arms, "anything") is None


@pytest.mark.parametrize(
    ("text", "replace", "key", "wrong"),
    [
        ("[{name: mine, structures: nowhere.cif}]", (), "arms[0].structures", "no file or folder 'nowhere.cif'"),
        ("[{name: mine}]", (), "arms[0].structures", "neither structures nor a sampler"),
        ("[{name: unguided, structures: FILE}]", (), "arms[0].name", "another arm 'unguided'"),
        ("[{name: co_o_4-late, structures: FILE}]", (), "arms[0].name", "another arm 'co_o_4-late'"),
        ("[{name: pilot, structures: FILE}]", (), "arms[0].name", "taken by a folder"),
        ("[{name: ../x, structures: FILE}]", (), "arms[0].name", "'../x'"),
        ("[{name: a, structures: FILE}, {name: a, structures: FILE}]", (), "arms[1].name", "another arm 'a'"),
        ("[{name: a, structures: FILE, constraint: co_o4}]", (), "arms[0].constraint", "did you mean 'co_o_4'"),
        ("[{name: a, structures: FILE, role: unguided}]", (), "arms[0].role", "beside arms that are drawn"),
        ("[{name: a, structures: FILE, role: guided}]", (NONE_DRAWN,), "arms[0].constraint", "lacks its constraint"),
        ("[{name: a, structures: FILE, role: control, constraint: co_o_4}]", (NONE_DRAWN,), "arms[0].constraint", "in the role control"),
        ("[{name: a, structures: FILE, role: control}, {name: b, structures: FILE, role: control}]", (NONE_DRAWN,), "arms[1].role", "there twice"),
        ("[]", (NONE_DRAWN,), "sampling.structures", "nothing is drawn"),
    ],
)  # fmt: skip
def test_faults_are_named(elsewhere, text, replace, key, wrong):
    with pytest.raises(ConfigError) as error:
        elsewhere(text, *replace)
    assert key in str(error.value)
    assert wrong in str(error.value)


def test_a_file_of_no_format_is_refused(elsewhere, tmp_path):
    other = tmp_path / "three.dat"
    other.write_text("1")
    with pytest.raises(ConfigError, match="tells no format"):
        elsewhere(f"[{{name: mine, structures: {other}}}]")
