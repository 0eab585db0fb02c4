"""The jobs of a plan of steering.yaml, and the judged structures of each.

An arm is sampled with the product's own sampler, measured, relaxed and judged as in a campaign.
Samples and relaxations are kept below work/benchmarks/, so that a killed run goes on where it was.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.shared.record import ROOT
from benchmarks.shared.sampling import judge, sample
from lodestone.columns import Col

if TYPE_CHECKING:
    import polars as pl

    from lodestone.config.arms import Arm
    from lodestone.config.campaign import Campaign

FILE = Path(__file__).with_name("steering.yaml")
WORK = ROOT / "work" / "benchmarks" / "steering"
AGAINST = ("unguided", "control", "late")


@dataclass(frozen=True)
class Job:
    """One arm of one case (of a whole system where nothing guides), seed and checkpoint."""

    checkpoint: str
    seed: int
    system: str
    arm: str
    case: str | None
    structures: int


def jobs(asked: Mapping[str, Any], plan: Mapping[str, Any]) -> Iterator[Job]:
    """Every job of a plan; arms that nothing guides are shared by the cases of a system."""
    seen = set()
    for checkpoint in plan["checkpoints"]:
        for seed in plan["seeds"]:
            for case in plan["cases"]:
                for arm in plan["arms"]:
                    shared = asked["arms"][arm]["kind"] in {"unguided", "control"}
                    system = asked["cases"][case]["chemical_system"]
                    job = Job(checkpoint, seed, system, arm, None if shared else case, plan["structures"])
                    if job not in seen:
                        seen.add(job)
                        yield job


def work(asked: Mapping[str, Any], job: Job) -> pl.DataFrame:
    """The judged structures of a job with their costs, from disk where they are."""
    import polars as pl

    campaign, given, folder = prepared(asked, job)
    if (folder / "judged.parquet").exists():
        return pl.read_parquet(folder / "judged.parquet")
    return _judged(campaign, given, folder, asdict(job))


def prepared(asked: Mapping[str, Any], job: Job) -> tuple[Campaign, dict[str, Any], Path]:
    """A job's campaign, the settings of its samples, and the folder where its structures lie."""
    import hashlib
    import json

    from lodestone.config.arms import shards
    from lodestone.workflow.stages import code, settings

    campaign = campaign_of(asked, job)
    arm = arm_of(campaign, asked["arms"][job.arm]["kind"], job.case)
    (shard,) = shards(campaign, arm)
    given = settings("sample", campaign, arm=arm, shard=shard)
    key = json.dumps([given, settings("relax", campaign), code("sample")], sort_keys=True)
    digest = hashlib.sha256(key.encode()).hexdigest()[:12]
    return campaign, given, WORK / f"{job.arm}-{job.case or job.system}-{job.seed}-{digest}"


def _judged(campaign: Campaign, given: dict[str, Any], folder: Path, about: dict[str, Any]) -> pl.DataFrame:
    import polars as pl
    import torch

    from lodestone.runtime.files import write_json
    from lodestone.structures.table import write_table

    torch.set_num_threads(1)
    raw, spent = sample(given, folder)
    again, relax_cpu = judge(raw, campaign, folder)
    keep = [Col.LINEAGE, "failed", *([Col.ANCESTRY] if Col.ANCESTRY in raw.columns else [])]
    found = again.with_columns(raw.select(keep)).with_columns(
        pl.lit(spent["passes"]).alias("passes"),
        pl.lit(spent["cpu"]).alias("cpu_seconds"),
    )
    write_json(folder / "job.json", {**about, "relax_cpu_seconds": relax_cpu, **spent})
    write_table(found, folder / "judged.parquet")
    return found


def campaign_of(asked: Mapping[str, Any], job: Job) -> Campaign:
    """The campaign of a system: all its cases as constraints, guided as the arm says."""
    from lodestone.config.campaign import Campaign

    cases = {k: v["constraint"] for k, v in asked["cases"].items() if v["chemical_system"] == job.system}
    return Campaign.model_validate(
        {
            "campaign": "steering",
            "chemical_system": job.system,
            "constraints": cases,
            "model": {"checkpoint": job.checkpoint},
            "sampling": {
                **asked["sampling"], "structures": job.structures, "shard": job.structures, "seed": job.seed,
            },
            "guidance": asked["arms"][job.arm].get("guidance", {}),
        }
    )  # fmt: skip


def arm_of(campaign: Campaign, kind: str, case: str | None) -> Arm:
    """The arm of a kind; guided at the last strength."""
    from lodestone.config.arms import arms

    return [a for a in arms(campaign) if a.kind == kind and a.constraint == case][-1]
