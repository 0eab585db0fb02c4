"""The questions and arms of cases.yaml as campaigns, validated by the product's own models."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.shared.record import ROOT

if TYPE_CHECKING:
    from lodestone.config.arms import Arm
    from lodestone.config.campaign import Campaign

CASES = Path(__file__).with_name("cases.yaml")
DEMO = ROOT / "config" / "demo.yaml"


def read(path: Path = CASES) -> dict[str, Any]:
    """The file's plain data."""
    from lodestone.schema.yaml_file import read_strictly

    data: dict[str, Any] = read_strictly(path).data
    return data


def campaign(
    cases: dict[str, Any], case: str, arm: str, *, structures: int, steps: int, seed: int, demo: Path = DEMO
) -> Campaign:
    """One arm of one case: the demonstration's model and guidance, changed by what the arm says.

    Raises:
        SystemExit: there is no such case or arm, or the campaign's models refuse the result.
    """
    from pydantic import ValidationError

    from lodestone.config.campaign import Campaign
    from lodestone.config.load import load_campaign

    for kind, name in (("cases", case), ("arms", arm)):
        if name not in cases[kind]:
            raise SystemExit(f"no {kind[:-1]} {name!r}; there are: {', '.join(cases[kind])}")
    shipped = load_campaign(demo)
    chosen = cases["arms"][arm] or {}
    sections = {
        name: getattr(shipped, name).model_dump(mode="json") | (chosen.get(name) or {})
        for name in ("model", "guidance")
    }
    sampling = cases["sampling"] | {
        "structures": structures, "shard": structures, "steps": steps, "seed": seed,
    }  # fmt: skip
    try:
        return Campaign.model_validate(
            {
                "campaign": f"{case}-{arm}".replace("_", "-"),
                "chemical_system": cases["cases"][case]["chemical_system"],
                "constraints": {case: cases["cases"][case]["constraint"]},
                "energy": shipped.energy.model_dump(mode="json"),
                "sampling": sampling,
                **sections,
            }
        )
    except ValidationError as error:
        raise SystemExit(f"{CASES.name}: {case} × {arm}: {error}") from None


def arm_of(asked: Campaign, *, guided: bool) -> Arm:
    """The arm that is drawn: unguided, or guided at the primary (last) strength.

    Raises:
        SystemExit: the strength is left to a pilot.
    """
    from lodestone.config.arms import arms

    arm = [a for a in arms(asked) if a.kind == ("guided" if guided else "unguided")][-1]
    if guided and arm.strength is None:
        raise SystemExit(
            f"{DEMO.name} leaves the strength to a pilot; benchmarks compare fixed ones: write what the "
            f"pilot chose into {CASES.name}, arms.default.guidance: {{strengths: [...]}}"
        )
    return arm
