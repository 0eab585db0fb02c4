"""Terms that need a hull, in a campaign: their faults, their inputs, and the sampler that they steer."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from ase import Atoms

from lodestone.config import ConfigError, arms, load_campaign, shards
from lodestone.constraints.context import MissingReferencesError, context_of
from lodestone.constraints.descriptors.energy_above_hull import REFUSED
from lodestone.constraints.measurement import measure_table
from lodestone.energies.estimators import estimator_and_guards
from lodestone.energies.evaluation import energies
from lodestone.references.descriptions import resolve
from lodestone.sampling.job import shard_plan, steering
from lodestone.sampling.mattergen.checkpoint import load_checkpoint, locate
from lodestone.sampling.mattergen.diffusion import MatterGenDiffusion
from lodestone.sampling.shard import sample_batch
from lodestone.structures import table
from lodestone.workflow.paths import CampaignPaths
from lodestone.workflow.potentials import key
from lodestone.workflow.stages import settings
from lodestone.workflow.wiring import Wiring

pytestmark = pytest.mark.slow

CAMPAIGN = """\
campaign: metals
chemical_system: Li-Co-O
sampling: {structures: 8, steps: 5}
constraints:
  own: {terms: [{kind: energy_above_hull, target: {lower: 0.1}}], satisfied_within: 0}
  other:
    terms: [{kind: energy_above_hull, target: {lower: 0.1}, estimator: {kind: chgnet}}]
    satisfied_within: 0
  volume: {terms: [{kind: volume_per_atom, target: 14}], satisfied_within: 1}
guidance: {strengths: [0.1]}
"""
VOLUME_ONLY = CAMPAIGN[: CAMPAIGN.index("  own:")] + CAMPAIGN[CAMPAIGN.index("  volume:") :]


class Job:
    """Wildcards of a job."""

    def __init__(self, **names: str) -> None:
        vars(self).update(names)


def test_only_what_needs_a_hull_waits_for_references(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text(CAMPAIGN)
    campaign = load_campaign(tmp_path / "c.yaml")
    wiring, paths = Wiring(campaign), CampaignPaths(campaign="metals")
    chgnet = paths.energies_by(key({"kind": "chgnet", "version": "0.3.0"}))
    for arm, expected in {
        "unguided": [],
        "control": [],
        "volume-s0.1": [],
        "own-s0.1": [paths.references, paths.reference_energies],
        "other-late": [paths.references, chgnet],
    }.items():
        assert wiring.hull_of(Job(arm=arm, shard="0000")) == expected
        assert wiring.hull_of(Job(arm=arm)) == [paths.references, paths.reference_energies, chgnet]
        named = next(a for a in arms(campaign) if a.name == arm)
        found = settings("sample", campaign, arm=named, shard=shards(campaign, named)[0])
        assert ("potentials" in found) == bool(expected)
    by_chgnet = settings("reference_energy", campaign, estimator=chgnet.stem)
    assert by_chgnet["energy"]["estimator"] == {"kind": "chgnet", "version": "0.3.0"}
    (tmp_path / "c.yaml").write_text(VOLUME_ONLY)
    without = load_campaign(tmp_path / "c.yaml")
    assert Wiring(without).hull_of(Job(arm="volume-s0.1")) == []
    assert "potentials" not in settings("measure", without)
    assert "potentials" not in settings("relax", without)


@pytest.mark.parametrize(
    ("estimator", "fault"),
    [
        ("{kind: mace}", "estimator.kind: 'mace' is not known; allowed: grace, chgnet, ase"),
        ("{}", "estimator.kind: is missing"),
        ("chgnet", "estimator: 'chgnet' is no mapping; allowed: null for energy.estimator, or a mapping"),
        ("{kind: grace, model: nope}", "estimator.model: 'nope' is no published name"),
        ("{kind: chgnet, modell: x}", "estimator.modell: unknown key"),
        (
            "{kind: ase, calculator: emtt}",
            "estimator.calculator: 'emtt' is no calculator of ASE",
        ),
        ("{kind: chgnet, version: 3}", "estimator.version: 3: input should be '0.3.0'"),
    ],
)
def test_a_wrong_estimator_is_named_with_line_and_key(tmp_path: Path, estimator: str, fault: str) -> None:
    (tmp_path / "c.yaml").write_text(CAMPAIGN.replace("{kind: chgnet}", estimator))
    with pytest.raises(ConfigError) as failure:
        load_campaign(tmp_path / "c.yaml")
    assert f"c.yaml:7: constraints.other.terms[0].{fault}" in str(failure.value)


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The embedded references with their own energies in the place of the estimator's."""
    folder = tmp_path_factory.mktemp("references")
    known = resolve("embedded").read(["Li", "Co", "O"]).rows
    table.write_table(known, folder / "references.parquet")
    own = known.select("id", "energy_per_atom", energy_failure=pl.lit(None, dtype=pl.String))
    table.write_table(own, folder / "energies.parquet")
    return [folder / "references.parquet", folder / "energies.parquet"]


def test_the_sampler_does_not_start_without_its_elements(tmp_path: Path, tables: list[Path]) -> None:
    (tmp_path / "c.yaml").write_text(CAMPAIGN)
    campaign = load_campaign(tmp_path / "c.yaml")
    arm = next(a for a in arms(campaign) if a.name == "own-s0.1")
    job = settings("sample", campaign, arm=arm, shard=shards(campaign, arm)[0])
    assert steering(job, tables).objective is not None
    for path in tables:
        kept = table.read_table(path).filter(~pl.col("id").str.contains("/Li/"))
        table.write_table(kept, tmp_path / path.name)
    with pytest.raises(MissingReferencesError, match="a reference of pure Li"):
        steering(job, [tmp_path / path.name for path in tables])


GUIDED = """\
campaign: balls
chemical_system: Li-Co-O
sampling: {structures: 8, shard: 8, steps: 25, seed: 1, atoms: {exactly: 4}}
constraints:
  low: {terms: [{kind: energy_above_hull, target: {lower: 0.0}}], satisfied_within: 0.1}
guidance: {strengths: [0.2]}
energy:
  estimator:
    kind: ase
    calculator: ase.calculators.lj:LennardJones
    arguments: {sigma: 2.1, epsilon: 0.5, rc: 5.0, smooth: true}
"""


def test_guidance_lowers_the_energy_above_hull_of_the_embedded_model(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text(GUIDED)
    campaign = load_campaign(tmp_path / "c.yaml")
    cubes = [Atoms(z, cell=[2.3] * 3, pbc=True) for z in campaign.elements]
    known, files = (
        table.from_ase(list(campaign.elements), cubes),
        [tmp_path / "r.parquet", tmp_path / "e.parquet"],
    )
    table.write_table(known, files[0])
    found = energies(known, *estimator_and_guards(settings("energy", campaign)))
    table.write_table(found, files[1])
    checkpoint = load_checkpoint(locate("embedded"), steps=campaign.sampling.steps)
    diffusion = MatterGenDiffusion(
        checkpoint, properties={"chemical_system": "Co-Li-O"}, guidance_factor=2.0, device="cpu"
    )
    one = settings("measure", campaign)
    values = {}
    for arm in arms(campaign):
        if arm.kind not in {"unguided", "guided"}:
            continue
        job = settings("sample", campaign, arm=arm, shard=shards(campaign, arm)[0])
        plan = replace(shard_plan(job, checkpoint.config, "cpu"), arm="the same seed")
        rows = sample_batch(diffusion, plan, steering(job, files), 0, plan.structures)
        judged = measure_table(rows, one["constraints"], context_of(one, files))
        values[arm.kind] = [v if v is not None else REFUSED for (v,) in judged["low.values"].to_list()]
    assert np.median(values["guided"]) < np.median(values["unguided"]) - 0.05
    assert sum(g < u for g, u in zip(values["guided"], values["unguided"], strict=True)) >= 5
