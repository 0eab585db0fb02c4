"""Wall time of a guided denoising step over one of upstream's own sampler, on the embedded model.

All alternatives start from the same noisy states, recorded on one unguided trajectory at five times,
and take a few steps from each with the same seed. One sweep over the five segments is one repeat.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, field
from statistics import median
from typing import TYPE_CHECKING, Any

from benchmarks.shared import cases
from benchmarks.shared.record import ROOT, provenance
from benchmarks.shared.timing import Clocks, interleaved, ratio_of_medians

if TYPE_CHECKING:
    from lodestone.sampling.guidance import Objective
    from lodestone.sampling.mattergen.checkpoint import Checkpoint
    from lodestone.sampling.mattergen.diffusion import MatterGenDiffusion
    from lodestone.sampling.state import State

SEGMENTS = (0.65, 0.5, 0.35, 0.2, 0.08)  # times at which segments begin; guidance acts at all of them
PER_SEGMENT = 4
WEIGHTED = (0.5, 0.2)  # of these segments the first step: 2 weightings per 20 steps, 10 per 100
GOALS = {"backward, B=1": 1.05, "forward, R=1": 1.4}


@dataclass(frozen=True)
class Way:
    """How one alternative steps; the strengths are those of the shipped default and do not cost time."""

    guidance: dict[str, Any] = field(default_factory=lambda: {"backward": 0.0})
    recurrence: int = 1
    particles: int = 0


BACKWARD = {"backward": 0.1, "start": 1.1}
FORWARD = {"backward": 0.0, "forward": 0.1, "start": 1.1}
BOTH = {"backward": 0.1, "forward": 0.1, "start": 1.1}
WAYS = {
    "unguided": Way(),
    "backward, B=1": Way(BACKWARD),
    "backward, B=2": Way(BACKWARD | {"backward_steps": 2}),
    "backward, B=1, particles": Way(BACKWARD, particles=4),
    "backward, B=1, R=3": Way(BACKWARD, recurrence=3),
    "forward, R=1": Way(FORWARD),
    "forward, R=1, every second step": Way(FORWARD | {"period": 2}),
    "forward, R=3": Way(FORWARD, recurrence=3),
    "forward and backward, R=1": Way(BOTH),
    "forward and backward, R=1, particles": Way(BOTH, particles=4),
}
UPSTREAM = "upstream's sampler"


def run(
    case: str,
    *,
    structures: int,
    steps: int,
    repeats: int,
    threads: int,
    seed: int = 1,
    profiled: bool = True,
) -> dict[str, Any]:
    """Time every alternative and profile those that miss their goal."""
    import torch

    from lodestone.config.arms import shards
    from lodestone.sampling import job as product
    from lodestone.sampling.mattergen.checkpoint import load_checkpoint, locate
    from lodestone.sampling.mattergen.diffusion import MatterGenDiffusion
    from lodestone.workflow.stages import settings

    torch.set_num_threads(threads)
    asked = cases.campaign(cases.read(), case, "default", structures=structures, steps=steps, seed=seed)
    arm = cases.arm_of(asked, guided=True)
    given = settings("sample", asked, arm=arm, shard=shards(asked, arm)[0])
    checkpoint = load_checkpoint(locate("embedded"), steps=steps)
    diffusion = MatterGenDiffusion(
        checkpoint,
        properties={"chemical_system": asked.canonical_system},
        guidance_factor=asked.model.guidance_factor,
    )
    bench = Bench(checkpoint, diffusion, product.steering(given).objective, seed)
    bench.record_states(_sizes(product.shard_plan(given, checkpoint.config, "cpu").n_atoms, structures, seed))
    work = {UPSTREAM: bench.upstream} | {name: bench.ours(way) for name, way in WAYS.items()}
    clocks = interleaved(work, repeats)
    rows = [summary(name, clocks[name], clocks[UPSTREAM], bench.steps) for name in work]
    missed = [row["way"] for row in rows if not row["met"]]
    return {
        **provenance(threads),
        "case": case,
        "structures": structures,
        "steps_per_repeat": bench.steps,
        "repeats": repeats,
        "rows": rows,
        "profiles": {name: profile(work[name]) for name in missed} if profiled else {},
    }


def summary(name: str, found: Clocks, base: Clocks, steps: int) -> dict[str, Any]:
    """Seconds per step and the ratio to upstream's sampler, on both clocks."""
    row: dict[str, Any] = {"way": name, "goal": GOALS.get(name)}
    for clock in ("wall", "cpu"):
        mine, plain = getattr(found, clock), getattr(base, clock)
        ratio = ratio_of_medians(mine, plain, paired=True)
        row[f"{clock}_per_step"] = median(mine) / steps
        row[f"{clock}_ratio"] = [ratio.value, ratio.low, ratio.high]
    worse = max(row["wall_ratio"][0], row["cpu_ratio"][0])  # a busy machine blurs the one, never both
    return row | {"met": row["goal"] is None or worse <= row["goal"]}


class Bench:
    """The recorded states and the two samplers that step from them."""

    def __init__(
        self, checkpoint: Checkpoint, diffusion: MatterGenDiffusion, objective: Objective | None, seed: int
    ) -> None:
        self._checkpoint, self._diffusion, self._objective = checkpoint, diffusion, objective
        self._seed = seed
        levels = len(diffusion.times)
        first = [min(levels - PER_SEGMENT, round((1 - t) * levels)) for t in SEGMENTS]
        self._segments = [diffusion.times[k : k + PER_SEGMENT] for k in first]
        self._weighted = [
            float(levels[0]) for levels, t in zip(self._segments, SEGMENTS, strict=True) if t in WEIGHTED
        ]
        self._states: list[State] = []

    @property
    def steps(self) -> int:
        """Steps of one repeat."""
        return sum(len(times) for times in self._segments)

    def record_states(self, sizes: list[int]) -> None:
        """States at the beginning of every segment on one unguided trajectory."""
        import torch

        from lodestone.sampling.guidance import GuidanceOptions, guided_score
        from lodestone.sampling.isolation import Watch
        from lodestone.sampling.loop import LoopOptions, denoise

        seen: dict[float, State] = {}
        inner = Watch(len(sizes))

        def watch(state: State, t: float) -> State:
            sound = inner(state, t)
            seen.setdefault(t, sound)  # called first at the beginning of a level
            return sound

        torch.manual_seed(self._seed)
        plain = guided_score(self._diffusion, None, GuidanceOptions(0.0))
        denoise(self._diffusion, self._diffusion.prior(sizes), plain, options=LoopOptions(), watch=watch)
        self._states = [seen[float(times[0])] for times in self._segments]

    def upstream(self) -> list[Any]:
        """MatterGen's own loop over every segment; the fractional coordinates that it ends with."""
        import torch

        ends = []
        for state, times in zip(self._states, self._segments, strict=True):
            sampler = self._upstream_sampler(times)
            torch.manual_seed(self._seed)
            _, mean, _ = sampler._denoise(batch=self._graph(state), mask={}, record=False)  # noqa: SLF001
            ends.append(mean["pos"])
        return ends

    def ours(self, way: Way) -> Callable[[], list[Any]]:
        """Our loop over every segment; the fractional coordinates that it ends with."""

        def work() -> list[Any]:
            import torch

            from lodestone.sampling.guidance import GuidanceOptions, guided_score
            from lodestone.sampling.isolation import Isolated, Watch
            from lodestone.sampling.loop import LoopOptions, denoise

            ends = []
            for state, times in zip(self._states, self._segments, strict=True):
                torch.manual_seed(self._seed)
                watch = Watch(state.n_structures, getattr(self._diffusion, "lonely", None))
                part = Isolated(self._part(times), watch)
                end = denoise(
                    part,
                    state,
                    guided_score(part, self._objective, GuidanceOptions(**way.guidance)),
                    options=LoopOptions(recurrence=way.recurrence, start=1.1),
                    watch=watch,
                    on_level=self._resampling(way, part),
                )
                ends.append(end.frac)
            return ends

        return work

    def _resampling(self, way: Way, part: Any) -> Any:
        """Particles that are weighted once, in the segment that begins at that time."""
        from lodestone.sampling.particles import ParticleOptions, Particles

        begin = float(part.times[0])
        if not way.particles or self._objective is None or begin not in self._weighted:
            return None
        return Particles(part, self._objective, ParticleOptions(way.particles, times=(begin,)))

    def _part(self, times: Any) -> MatterGenDiffusion:
        part = copy.copy(self._diffusion)
        part.times = times
        return part

    def _graph(self, state: State) -> Any:
        from mattergen.property_embeddings import SetConditionalEmbeddingType

        return SetConditionalEmbeddingType()(self._diffusion._graph(state)[0])  # noqa: SLF001

    def _upstream_sampler(self, times: Any) -> Any:
        import torch
        from mattergen.diffusion.sampling.pc_sampler import PredictorCorrector

        from lodestone.sampling.mattergen.diffusion import CORRECTORS, PREDICTORS

        levels = len(self._diffusion.times)
        sampler = PredictorCorrector(
            diffusion_module=self._checkpoint.module.diffusion_module,
            predictor_partials=dict(PREDICTORS),
            corrector_partials=dict(CORRECTORS),
            device=torch.device("cpu"),
            n_steps_corrector=1,
            N=levels,
            eps_t=1 / levels,
        )
        # it insists on all levels when it is built; a segment is the same loop from t to t + 3 dt
        sampler.N, sampler._max_t, sampler._eps_t = len(times), float(times[0]), float(times[-1])  # noqa: SLF001
        return sampler


def _sizes(distribution: Any, structures: int, seed: int) -> list[int]:
    import numpy as np

    from lodestone.sampling.sizes import draw_sizes

    return draw_sizes(distribution, structures, 4, np.random.default_rng(seed))


def profile(work: Callable[[], object], lines: int = 14) -> list[str]:
    """Where the time goes: cumulative seconds of our functions and the largest of all others."""
    import cProfile
    import io
    import pstats

    recorder = cProfile.Profile()
    recorder.runcall(work)
    found: list[str] = []
    for key, only in (("cumulative", ["lodestone"]), ("tottime", [])):
        text = io.StringIO()
        pstats.Stats(recorder, stream=text).sort_stats(key).print_stats(*only, lines)
        body = text.getvalue().replace(f"{ROOT}/", "").splitlines()
        begin = next(i for i, line in enumerate(body) if "ncalls" in line)
        found += [f"by {key} seconds", *(line.rstrip() for line in body[begin:] if line.strip())]
    return found
