"""MatterGen's diffusion as the sampling loop sees it: prior, score, corrector, predictor, kernels.

Predictor and corrector are upstream's own objects, called with the arguments and in the order of
its own sampler, so that without guidance the same seed gives the same crystals.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.utils.weak import WeakTensorKeyDictionary

from lodestone.sampling.isolation import accompanied, alone
from lodestone.sampling.mattergen import compat, graphs, neighbours
from lodestone.sampling.mattergen.checkpoint import Checkpoint
from lodestone.sampling.process import correct_each
from lodestone.sampling.state import MASK, Kernel, Score, State
from lodestone.structures.elements import ELEMENTS

compat.install()

from mattergen import property_embeddings  # noqa: E402
from mattergen.common.data.chemgraph import ChemGraph  # noqa: E402
from mattergen.common.data.collate import collate  # noqa: E402
from mattergen.common.diffusion.predictors_correctors import (  # noqa: E402
    LatticeAncestralSamplingPredictor,
    LatticeLangevinDiffCorrector,
)
from mattergen.diffusion.corruption.multi_corruption import apply  # noqa: E402
from mattergen.diffusion.d3pm.d3pm_predictors_correctors import (  # noqa: E402
    D3PMAncestralSamplingPredictor,
)
from mattergen.diffusion.discrete_time import to_discrete_time  # noqa: E402
from mattergen.diffusion.sampling.pc_sampler import (  # noqa: E402
    PredictorCorrector,
    _sample_prior,
)
from mattergen.diffusion.wrapped.wrapped_predictors_correctors import (  # noqa: E402
    WrappedAncestralSamplingPredictor,
    WrappedLangevinCorrector,
)

MOST_SHAPES = 8  # blank batches kept
EXCLUDED = -1e10  # added to the logit of a type that must not come, as upstream does
POSITION_SNR, LATTICE_SNR, LONGEST_STEP = 0.4, 0.2, 1e6  # as in upstream's sampling settings
PREDICTORS: Mapping[str, Any] = {
    "pos": WrappedAncestralSamplingPredictor,
    "cell": LatticeAncestralSamplingPredictor,
    "atomic_numbers": partial(D3PMAncestralSamplingPredictor, predict_x0=True),
}
CORRECTORS: Mapping[str, Any] = {
    "pos": partial(WrappedLangevinCorrector, max_step_size=LONGEST_STEP, snr=POSITION_SNR),
    "cell": partial(LatticeLangevinDiffCorrector, max_step_size=LONGEST_STEP, snr=LATTICE_SNR),
}


class MatterGenDiffusion:
    """The reverse process of one checkpoint, conditioned or not.

    `properties` are what it is conditioned on, all at once: a chemical system as its symbols joined by
    hyphens, all others as numbers. guidance_factor γ is classifier-free guidance: γ·conditional +
    (1 - γ)·unconditional, where no property at all is on in the second; 0 is unconditional and 1
    conditional, each with half the work. `within`: symbols of the only elements that the types may
    become, for a checkpoint that is not conditioned on them.
    """

    def __init__(
        self,
        checkpoint: Checkpoint,
        *,
        properties: Mapping[str, str | float],
        guidance_factor: float,
        within: Sequence[str] = (),
        device: torch.device | str = "cpu",
        corrector: str = "upstream",
    ) -> None:
        self._per_structure = corrector == "per_structure"
        module = checkpoint.module.to(device)
        self._module = module.diffusion_module
        self._corruption = self._module.corruption
        self._device = torch.device(device)
        self._properties = {  # numbers as upstream's generator hands them over
            name: value if isinstance(value, str) else torch.tensor(value, dtype=torch.float)
            for name, value in properties.items()
        }
        self._factor = guidance_factor if properties else 0.0
        self._outside = _outside(within).to(self._device) if within else None
        levels = self._corruption.discrete_corruptions["atomic_numbers"].N
        sampler = PredictorCorrector(
            diffusion_module=self._module,
            predictor_partials=dict(PREDICTORS),
            corrector_partials=dict(CORRECTORS),
            device=self._device,
            n_steps_corrector=1,
            N=levels,
            eps_t=1 / levels,
        )
        self._sampler = sampler
        self._blanks: dict[tuple[int, ...], tuple[Any, graphs.Layout]] = {}
        self._sizes = WeakTensorKeyDictionary()
        self._edges = neighbours.edges if self._per_structure else graphs.upstream_edges
        # made where upstream makes them, and kept where they are looked at without waiting for the device
        self.times = torch.linspace(1.0, 1 / levels, levels, device=self._device).cpu()
        self._dt = -torch.tensor((1.0 - 1 / levels) / (levels - 1))
        self.dt = self._dt.to(self._device)
        self.passes = 0
        """Network passes so far; a stacked conditional and unconditional pass counts once."""

    def remembered(self) -> dict[str, int]:
        """The passes so far; blank batches are made anew."""
        return {"passes": self.passes}

    def recall(self, memory: dict[str, int]) -> None:
        """Count on from there."""
        self.passes = memory["passes"]

    def prior(self, n_atoms: list[int]) -> State:
        """Draw x_1 for structures of given sizes from the current random generator."""
        graph, _ = self._blank(n_atoms)
        return self._state(_sample_prior(self._corruption, graph, mask=None))

    def score(self, state: State, t: Tensor) -> Score:
        """The (classifier-free guided) score at x_t; t is a scalar tensor.

        With `corrector: per_structure` a structure's score does not depend on the others: its
        neighbours are chosen without them, and the last rows of the batch are a companion's.
        """
        self.passes += 1
        if not self._per_structure:
            return self._score(state, t)
        return alone(self._score(accompanied(state), t))

    def lonely(self, state: State) -> list[int]:
        """Structures with an atom that has no neighbour within the network's cutoff."""
        network = self._module.model.gemnet
        # an atom whose image is near has a neighbour, which settles nearly all
        wide = torch.linalg.vector_norm(state.cell, dim=2).min(dim=1).values > network.cutoff
        chosen = torch.nonzero(wide)[:, 0].tolist()
        if not chosen:
            return []
        part = state.part(chosen)
        cart = torch.einsum("ak,akc->ac", part.frac, part.cell[part.structure_idx])
        edges, _, _ = neighbours.radius_graph(cart, part.cell, part.n_atoms, network.cutoff, 1)
        counts = torch.bincount(edges[1], minlength=len(cart))
        return [chosen[i] for i in part.structure_idx[counts == 0].unique().tolist()]

    def _score(self, state: State, t: Tensor) -> Score:
        found = self._free_score(state, t)
        return found if self._outside is None else replace(found, logits=found.logits + self._outside)

    def _free_score(self, state: State, t: Tensor) -> Score:
        if self._factor == 0:
            return self._one_score(state, t, conditional=False)
        if self._factor == 1:
            return self._one_score(state, t, conditional=True)
        return self._both_scores(state, t)

    def correct(self, state: State, score: Score, t: Tensor) -> State:
        """Upstream's Langevin corrector step at (x_t, t), or each structure's own."""
        if self._per_structure:
            now, after = self.kernel(state, t), self.kernel(state, t, steps_later=1)
            return correct_each(state, score, now, after, (POSITION_SNR, LATTICE_SNR))
        graph, layout = self._graph(state)
        with graphs.few_waits(graphs.Batch(layout)):
            moved = apply(
                fns={k: c.step_given_score for k, c in self._sampler._correctors.items()},
                broadcast={"t": self._times(state, t), "dt": self.dt},
                x=graph,
                score=self._score_graph(graph, score),
                batch_idx=self._corruption._get_batch_indices(graph),
            )
        return self._replaced(state, {k: sample for k, (sample, _) in moved.items()})

    def predict(self, state: State, score: Score, t: Tensor) -> tuple[State, State]:
        """Upstream's ancestral step from t to t + dt; the sample and its mean."""
        graph, _ = self._graph(state)
        moved = apply(
            fns={k: p.update_given_score for k, p in self._sampler._predictors.items()},
            x=graph,
            score=self._score_graph(graph, score),
            broadcast={"t": self._times(state, t), "batch": graph, "dt": self.dt},
            batch_idx=self._corruption._get_batch_indices(graph),
        )
        sample = self._replaced(state, {k: v[0] for k, v in moved.items()})
        return sample, self._replaced(state, {k: v[1] for k, v in moved.items()})

    def kernel(self, state: State, t: Tensor, *, steps_later: int = 0) -> Kernel:
        """p(x_t | x_0) at the time of `t`, or at the time after `steps_later` predictor steps."""
        (graph, _), lattice = self._graph(state), self._corruption.sdes["cell"]
        times = self._times(state, t)
        now = times + steps_later * self.dt
        alpha, _ = lattice.mean_coeff_and_std(state.cell, now, None, graph)
        _, sigma = self._corruption.sdes["pos"].mean_coeff_and_std(
            x=state.frac[:, :1], t=now.clamp_min(0), batch_idx=state.structure_idx, batch=graph
        )
        types = self._corruption.discrete_corruptions["atomic_numbers"]
        # the types' level is discrete: x_t has been masked level + 1 times, counted at t itself
        level = int(to_discrete_time(t=t, N=types.N, T=types.T)) + 1 - steps_later
        return Kernel(
            sigma=sigma if float(t + steps_later * self._dt) > 1e-8 else torch.zeros_like(sigma),
            alpha=alpha[0, 0, 0],
            limit=lattice.get_limit_mean(x=state.cell, batch=graph),
            variance=lattice.get_limit_var(x=state.cell, batch=graph),
            kept=float(types.d3pm.state[level]),
        )

    def _one_score(self, state: State, t: Tensor, *, conditional: bool) -> Score:
        graph, layout = self._graph(state)
        setter = (
            property_embeddings.SetConditionalEmbeddingType()
            if conditional
            else property_embeddings.SetUnconditionalEmbeddingType()
        )
        with graphs.few_waits(graphs.Batch(layout, self._edges)):
            found = self._module.score_fn(setter(graph), self._times(state, t))
        return Score(found["pos"], found["cell"], found["atomic_numbers"])

    def _both_scores(self, state: State, t: Tensor) -> Score:
        """Conditional and unconditional score from one stacked pass, mixed by γ."""
        n, n_atoms = state.n_structures, len(state.frac)
        graph, layout = self._twice(state)
        off = torch.arange(2 * n, device=self._device)[:, None] >= n
        graph = property_embeddings.replace_use_unconditional_embedding(
            batch=graph, use_unconditional_embedding=dict.fromkeys(self._properties, off)
        )
        times = torch.full((2 * n,), float(t), device=self._device)
        with graphs.few_waits(graphs.Batch(layout, self._edges)):
            found = self._module.score_fn(graph, times)

        def mixed(values: Tensor, size: int) -> Tensor:
            return torch.lerp(values[size:], values[:size], self._factor)

        return Score(
            mixed(found["pos"], n_atoms), mixed(found["cell"], n), mixed(found["atomic_numbers"], n_atoms)
        )

    def _collate(self, n_atoms: Sequence[int]) -> Any:
        """A batch of blank crystals with the conditions attached."""
        return collate(
            [
                ChemGraph(
                    atomic_numbers=torch.zeros(n, dtype=torch.long),
                    pos=torch.zeros(n, 3),
                    cell=torch.eye(3)[None],
                    num_atoms=torch.tensor([n]),
                    **self._properties,
                )
                for n in n_atoms
            ]
        )

    def _blank(self, n_atoms: Sequence[int]) -> tuple[Any, graphs.Layout]:
        """A blank batch of these sizes and its layout; the few shapes of a run are made once."""
        key = tuple(n_atoms)
        if key not in self._blanks:
            if len(self._blanks) >= MOST_SHAPES:
                self._blanks.clear()
            graph = self._collate(n_atoms).to(self._device)
            self._blanks[key] = (graph, graphs.layout(key, graph.get_batch_idx("pos")))
        return self._blanks[key]

    def _sizes_of(self, state: State) -> tuple[int, ...]:
        """Atoms of each structure; a batch keeps its tensor of them, which is asked once."""
        if state.n_atoms not in self._sizes:
            self._sizes[state.n_atoms] = tuple(state.n_atoms.tolist())
        found: tuple[int, ...] = self._sizes[state.n_atoms]
        return found

    def _graph(self, state: State) -> tuple[Any, graphs.Layout]:
        graph, layout = self._blank(self._sizes_of(state))
        return graph.replace(pos=state.frac, cell=state.cell, atomic_numbers=state.numbers), layout

    def _twice(self, state: State) -> tuple[Any, graphs.Layout]:
        graph, layout = self._blank(self._sizes_of(state) * 2)
        twice = graph.replace(
            pos=torch.cat([state.frac, state.frac]),
            cell=torch.cat([state.cell, state.cell]),
            atomic_numbers=torch.cat([state.numbers, state.numbers]),
        )
        return twice, layout

    def _score_graph(self, graph: Any, score: Score) -> Any:
        return graph.replace(pos=score.frac, cell=score.cell, atomic_numbers=score.logits)

    def _replaced(self, state: State, fields: dict[str, Tensor]) -> State:
        return state.with_fields(
            fields.get("pos", state.frac),
            fields.get("cell", state.cell),
            fields.get("atomic_numbers", state.numbers),
        )

    def _state(self, graph: Any) -> State:
        return State(
            frac=graph["pos"],
            cell=graph["cell"],
            numbers=graph["atomic_numbers"],
            n_atoms=graph["num_atoms"],
            structure_idx=graph.get_batch_idx("pos"),
        )

    def _times(self, state: State, t: Tensor) -> Tensor:
        return torch.full((state.n_structures,), float(t), device=self._device)


def _outside(within: Sequence[str]) -> Tensor:
    """What is added to type logits so that only these elements come, (101,)."""
    added = torch.full((MASK,), EXCLUDED)
    added[[ELEMENTS.index(symbol) for symbol in within]] = 0.0
    return added
