import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lodestone.config import Arm, arms, derive_seed, shards
from lodestone.config.campaign import Campaign
from lodestone.workflow.paths import CampaignPaths

CONSTRAINTS = {"volume": {"terms": [{"kind": "volume_per_atom", "target": 9}], "satisfied_within": 1}}


def make(structures=10, shard=4, particles=None, strengths=(0.1,)):
    guidance = {"strengths": strengths, "particles": {"count": particles} if particles else None}
    return Campaign.model_validate(
        {
            "campaign": "c",
            "chemical_system": "B",
            "sampling": {"structures": structures, "shard": shard},
            "constraints": CONSTRAINTS,
            "guidance": guidance,
        }
    )


def test_arms_come_in_the_order_of_the_report(campaign):
    assert [(a.name, a.kind, a.constraint, a.strength) for a in arms(campaign())] == [
        ("unguided", "unguided", None, 0.0),
        ("control", "control", None, 0.0),
        ("co_o_4-s0.1", "guided", "co_o_4", 0.1),
        ("co_o_4-s0.3", "guided", "co_o_4", 0.3),
        ("co_o_4-late", "late", "co_o_4", 0.3),
        ("volume_15-s0.1", "guided", "volume_15", 0.1),
        ("volume_15-s0.3", "guided", "volume_15", 0.3),
        ("volume_15-late", "late", "volume_15", 0.3),
    ]


def test_a_pilot_s_arms_leave_their_strength_open(campaign):
    for auto in ("auto", {"auto": {"structures": 4}}):
        found = arms(campaign(("strengths: [0.1, 0.3]", "late: true"), guidance={"strengths": auto}))
        assert [(a.name, a.kind, a.strength, a.piloted) for a in found[1:4]] == [
            ("control", "control", 0.0, False),
            ("co_o_4-auto", "guided", None, True),
            ("co_o_4-late", "late", None, True),
        ]
        assert len(found) == 6


def test_late_arms_can_be_left_out(campaign):
    assert [a.kind for a in arms(campaign(guidance={"late": False}))].count("late") == 0


@given(st.lists(st.floats(1e-6, 1e6), min_size=1, max_size=6, unique_by=lambda s: f"{s:g}"))
def test_names_of_arms_differ_and_suit_a_file_name(strengths):
    names = [arm.name for arm in arms(make(strengths=tuple(strengths)))]
    assert len(set(names)) == len(names) == len(strengths) + 3
    assert all(set(name) <= set("abcdefghijklmnopqrstuvwxyz0123456789_.+-") for name in names)


@given(
    st.integers(1, 5000),
    st.integers(1, 700),
    st.sampled_from([None, 2, 3, 4, 7]),
    st.sampled_from(["guided", "late"]),
)
@settings(max_examples=200)
def test_shards_cover_the_structures_exactly(structures, shard, particles, kind):
    structures = structures * (particles or 1)
    arm = Arm("a", kind, "volume", 0.1)
    found = shards(make(structures, shard, particles), arm)
    assert [part.index for part in found] == list(range(len(found)))
    numbers = [n for part in found for n in range(part.first, part.first + part.structures)]
    assert numbers == list(range(structures))
    if kind == "guided" and particles:
        assert all(part.structures % particles == 0 for part in found)
    else:
        assert all(part.structures == shard for part in found[:-1])


@given(st.integers(1, 300), st.integers(1, 100))
def test_ids_are_unique_over_arms_and_shards(structures, shard):
    campaign = make(structures, shard)
    ids = [
        f"{campaign.campaign}/{arm.name}/{part.index:04d}/{n:05d}"
        for arm in arms(campaign)
        for part in shards(campaign, arm)
        for n in range(part.first, part.first + part.structures)
    ]
    assert len(set(ids)) == len(ids) == structures * len(arms(campaign))


def test_more_structures_keep_the_shards_that_are_there():
    arm = Arm("unguided", "unguided")
    assert shards(make(12, 4), arm)[:2] == shards(make(8, 4), arm)


PARTS = st.lists(st.text(alphabet="ab0-", max_size=4) | st.integers(0, 99), max_size=4)


@given(st.integers(0, 2**63 - 1), PARTS)
def test_seeds_fit_a_signed_integer_and_repeat(seed, parts):
    found = derive_seed(seed, *parts)
    assert 0 <= found < 2**63
    assert found == derive_seed(seed, *parts)


@given(st.integers(0, 99), PARTS, PARTS)
def test_seeds_of_different_parts_differ(seed, parts, others):
    same = list(map(str, parts)) == list(map(str, others))
    assert (derive_seed(seed, *parts) == derive_seed(seed, *others)) == same


def test_seeds_of_a_large_campaign_differ():
    seeds = {
        derive_seed(s, arm, i, b) for s in (1, 2) for arm in ("a", "b") for i in range(40) for b in range(40)
    }
    assert len(seeds) == 2 * 2 * 40 * 40


def test_seeds_never_change():
    assert derive_seed(20260414, "unguided", 0, 0) == 288140983204710994


@pytest.mark.parametrize(
    ("part", "name"),
    [
        (lambda p: p.samples("a", 3), "results/c/arms/a/samples/0003.parquet"),
        (lambda p: p.samples("{arm}", "{shard}"), "results/c/arms/{arm}/samples/{shard}.parquet"),
        (lambda p: p.state("a", 3), "results/c/state/a/0003"),
        (lambda p: p.state("a", "relax"), "results/c/state/a/relax"),
        (lambda p: p.stage("a", "measured"), "results/c/arms/a/measured.parquet"),
        (lambda p: p.candidates, "results/c/candidates.parquet"),
        (lambda p: p.best, "results/c/best"),
        (lambda p: p.pilot("v"), "results/c/pilot/v.json"),
        (lambda p: p.pilot("{constraint}", ".tsv"), "results/c/pilot/{constraint}.tsv"),
        (lambda p: p.timing("a", 3), "results/c/timing/a/0003.json"),
    ],
)
def test_paths(part, name):
    assert part(CampaignPaths(campaign="c")).as_posix() == name
