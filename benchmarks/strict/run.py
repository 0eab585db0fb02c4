"""Whether the sampler `symmetric` keeps space group and formula, and whether guidance works inside it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import product
from typing import TYPE_CHECKING, Any

from benchmarks.shared.record import provenance
from benchmarks.strict.arms import (
    BATCH,
    GROUPS,
    LARGEST,
    PER_GROUP,
    QUESTIONS,
    STEERED,
    drawn,
    drawn_plain,
    model,
    proposals_of,
    steering_of,
    unguided,
)
from benchmarks.strict.formation import run as formation_run
from benchmarks.strict.judge import compared, counted, rated, strict, verdicts

if TYPE_CHECKING:
    import polars as pl


def run(*, each: int, plain: int, steered: int, steps: int, ways: Sequence[str]) -> dict[str, Any]:
    """Strictness over all groups, plain sampling beside it, and guidance inside the subspace."""
    import torch

    torch.set_num_threads(1)
    diffusion = model(steps)
    proposals = {group: list(proposals_of(group, PER_GROUP)) for group in GROUPS}
    rows: dict[str, dict[int, pl.DataFrame]] = {}
    for elements in ("assigned", "quota"):
        rows[elements] = {
            group: drawn(
                diffusion, f"{elements}-{group}", proposals[group], each, elements, unguided(), BATCH
            )
            for group in GROUPS
            if elements == "assigned" or max(p.n_atoms for p in proposals[group]) <= LARGEST
        }
        if elements == "assigned":
            chosen = [p for group, n in STEERED.items() for p in proposals_of(group, n)]
            arms = {"unguided": drawn(diffusion, "unguided", chosen, steered, "assigned", unguided())}
            for question, way in product(QUESTIONS, ways):
                name, steering = f"{question}-{way}", steering_of(question, way)
                arms[name] = drawn(diffusion, name, chosen, steered, "assigned", steering)
    every = [table for found in rows.values() for table in found.values()]
    return {
        **provenance(1), "steps": steps, "groups": list(GROUPS),
        "strict": {elements: strict(found) for elements, found in rows.items()},
        "everything": rated(sum(map(verdicts, [*arms.values(), *every]), Counter())),
        "plain": counted(drawn_plain(diffusion, plain)),
        "guidance": compared(arms, QUESTIONS),
        "formation": formation_run(diffusion, steered=steered),
    }  # fmt: skip
