"""The two questions of `functions`, the arms that are asked them, and the campaign of each arm.

Both go to the embedded model of Cu-Si-P, each judged by one hard rule whatever the arm was steered by: a
space group number above 75, for which there is no gradient, and one copper neighbour around each copper,
which is asked once as a Python function and once as the differentiable term.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lodestone.config.campaign import Campaign

SYMMETRY, NEIGHBOURS = "config/functions/symmetry.py", "config/functions/neighbours.py"
PAIR = {"center": "Cu", "neighbor": "Cu"}
CUTOFF = 3.64  # Å, the default of the coordination term: covalent radii + 1 Å
TERMS: dict[str, dict[str, Any]] = {
    "symmetric": {
        "kind": "function", "function": f"{SYMMETRY}:space_group_number", "arguments": {"symprec": 0.1},
        "target": {"higher": 76}, "tolerance": 0,
        "steer_by": f"{SYMMETRY}:missing_symmetry", "steer_arguments": {"least": 76},
    },
    "cu_cu_1_function": {
        "kind": "function", "function": f"{NEIGHBOURS}:mean_neighbours",
        "arguments": {**PAIR, "cutoff": CUTOFF}, "target": 1,
    },
    "cu_cu_1": {"kind": "coordination", **PAIR, "target": 1},
}  # fmt: skip
QUESTIONS = {"symmetric": "space group number above 75", "cu_cu_1": "one Cu around each Cu"}
WITHIN = 0.25
COMMON = {"count": 8, "resample_below": 0.7, "look_ahead": 0}
BY_SYMMETRY = {  # it is there to be seen late
    **COMMON, "beta": 20.0, "times": (0.25, 0.2, 0.15, 0.12, 0.1, 0.08, 0.06, 0.05, 0.04, 0.03, 0.02, 0.01),
}  # fmt: skip
BY_PAIRS = {
    **COMMON, "beta": 6.0, "times": (0.6, 0.5, 0.4, 0.35, 0.3, 0.25, 0.2, 0.15, 0.1, 0.07, 0.05, 0.03, 0.02),
}  # fmt: skip
GRADIENT = {"strengths": [0.1], "start": 0.7}
ARMS: dict[str, dict[str, Any]] = {
    "rejection": {"term": None, "guidance": {}},
    "particles by the function, symmetry": {
        "term": "symmetric", "guidance": {"strengths": [0], "particles": BY_SYMMETRY},
    },
    "gradient": {"term": "cu_cu_1", "guidance": {**GRADIENT, "particles": None}},
    "particles by the function": {
        "term": "cu_cu_1_function", "guidance": {"strengths": [0], "particles": BY_PAIRS},
    },
    "particles by the function, and the gradient": {
        "term": "both", "guidance": {**GRADIENT, "particles": BY_PAIRS},
    },
}  # fmt: skip
ASKED = {
    "symmetric": ("rejection", "particles by the function, symmetry"),
    "cu_cu_1": ("rejection", *list(ARMS)[2:]),
}
"""The arms of each question, the one that is compared with first."""


def campaign(arm: str, seed: int, structures: int, steps: int) -> Campaign:
    """The campaign of an arm: both questions, in the forms that judge, and what steers the arm."""
    from lodestone.config.campaign import Campaign

    wanted, guidance = ARMS[arm]["term"], ARMS[arm]["guidance"]
    steered = {"both": ("cu_cu_1", "cu_cu_1_function"), None: ()}.get(wanted, (wanted,))
    asked = {name: _constraint(name) for name in QUESTIONS}
    if steered:
        asked["steered"] = _constraint(*steered)
    return Campaign.model_validate(
        {
            "campaign": "functions",
            "chemical_system": "Cu-Si-P",
            "constraints": asked,
            "sampling": {
                "structures": structures, "shard": structures, "seed": seed, "steps": steps, "batch_size": 32,
                "atoms": {"max": 10},
            },
            "guidance": {"late": False, **guidance},
        }
    )  # fmt: skip


def _constraint(*names: str) -> dict[str, Any]:
    return {"terms": [_term(name) for name in names], "satisfied_within": WITHIN}


def _term(name: str) -> dict[str, Any]:
    """A term; the functions of this project run here, so it has the hashes of their files."""
    from lodestone.constraints.functions import sha256, split

    term = TERMS[name]
    if term["kind"] != "function":
        return term
    files = {split(term[key])[0] for key in ("function", "steer_by") if key in term}
    return term | {"sha256": {file: str(sha256(file)) for file in sorted(files)}}
