"""Draws the structures of a pilot; a killed pilot continues after its last batch."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lodestone.pilot.trial import trial_settings
from lodestone.sampling.timing import Account, Timing, device_name

if TYPE_CHECKING:
    import polars as pl

    from lodestone.pilot.halving import Round
    from lodestone.sampling.mattergen.diffusion import MatterGenDiffusion


@dataclass
class Sampler:
    """Samples rounds of a pilot into `state`, and keeps account of what that took."""

    diffusion: MatterGenDiffusion
    checkpoint_config: Mapping[str, Any]
    settings: Mapping[str, Any]
    """The slice of the campaign that the stage `pilot` depends on."""
    state: Path
    device: str
    tables: Sequence[Path] = ()
    """References and their energies, for terms that need a hull."""
    passes: float = 0.0
    """Network passes of every structure so far, whether drawn now or found."""
    timings: list[Timing] = field(default_factory=list)
    """Of every round of a candidate or of the control, over all runs of the pilot."""
    _folder: Path = field(init=False)
    _drew: bool = False
    """Whether anything was drawn in this run."""

    def __post_init__(self) -> None:
        # batches of other settings are never picked up
        digest = hashlib.sha256(json.dumps(self.settings, sort_keys=True).encode()).hexdigest()
        self._folder = self.state / digest[:16]

    def __call__(self, strength: float | None, step: Round) -> pl.DataFrame:
        """Raw samples of one round of a candidate, or of the control where `strength` is None."""
        from lodestone.interruption import stop_if_asked
        from lodestone.runtime.progress import reporter
        from lodestone.sampling.job import shard_plan, steering
        from lodestone.sampling.passes import passes
        from lodestone.sampling.shard import collect, finished, sample_shard

        settings = trial_settings(self.settings, strength, step)
        plan = shard_plan(settings, self.checkpoint_config, self.device)
        folder = self._folder / plan.arm / f"{step.index:04d}"
        report = reporter(f"{plan.arm}, round {step.index + 1}, on {self.device}", resumes=True)
        each = passes(settings, len(self.diffusion.times))
        spent = Account(folder, device_name(self.device), each)
        lacking = finished(plan, folder) < plan.structures
        if lacking and self._drew:
            stop_if_asked(f"before round {step.index + 1} of {plan.arm}")
        self._drew |= lacking
        for done, total in sample_shard(self.diffusion, plan, steering(settings, self.tables), folder):
            report(done, total)
            spent.tell(done)
        self.passes += each * plan.structures
        self.timings.append(spent.timing)
        return collect(plan, folder)
