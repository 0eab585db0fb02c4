"""The target of a distribution: the share of centres by number of neighbours."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from pydantic_core import core_schema

from lodestone.constraints.targets import Target, refuse, show

MOST_NEIGHBOURS = 60
SLACK = 1e-3  # of the sum of shares: thirds may be written as 0.333
ALLOWED = "a mapping of neighbour counts to shares that add up to 1, e.g. {4: 0.5, 6: 0.5}"
COUNTS = f"whole numbers of neighbours from 0 to {MOST_NEIGHBOURS}"


@dataclass(frozen=True)
class Shares(Target):
    """Shares of the counts; as a target of the distance to them it is the value 0."""

    shares: tuple[tuple[int, float], ...] = ()

    @property
    def highest(self) -> int:
        """The highest count with a share."""
        return max(count for count, _ in self.shares)

    def dense(self, length: int) -> list[float]:
        """The share of every count from 0 on, adding up to 1."""
        found, total = dict(self.shares), math.fsum(share for _, share in self.shares)
        return [found.get(count, 0.0) / total for count in range(length)]

    def words(self) -> str:
        """`50 % with 4, 50 % with 6`."""
        return ", ".join(f"{100 * share:.3g} % with {count}" for count, share in self.shares)

    def plain(self) -> Any:
        """The mapping as JSON has it: keys are texts."""
        return {str(count): share for count, share in self.shares}

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> core_schema.CoreSchema:
        return core_schema.no_info_plain_validator_function(
            parse_shares,
            serialization=core_schema.plain_serializer_function_ser_schema(lambda target: target.plain()),
        )

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: Any, handler: Any) -> dict[str, Any]:
        share = {"type": "number", "exclusiveMinimum": 0, "maximum": 1}
        return {
            "type": "object",
            "patternProperties": {"^[0-9]{1,2}$": share},
            "additionalProperties": False,
            "minProperties": 1,
            "allowed": ALLOWED,
        }


def parse_shares(data: Any) -> Shares:
    """Read shares from plain data, whose keys may be texts as in JSON."""
    if isinstance(data, Shares):
        return data
    if not isinstance(data, dict) or not data:
        refuse(f"{show(data)} is no distribution" if data else "is empty", ALLOWED)
    found: dict[int, float] = {}
    for key, share in data.items():
        digits = str(key)
        if (
            isinstance(key, bool)
            or not (digits.isascii() and digits.isdigit())
            or int(digits) > MOST_NEIGHBOURS
        ):
            refuse(f"{digits} is no number of neighbours", COUNTS, (key,))
        if int(digits) in found:
            refuse(f"{digits} appears twice", "each count once", (key,))
        if isinstance(share, bool) or not isinstance(share, int | float):
            refuse(f"{show(share)} is no number", "shares > 0 and ≤ 1", (key,))
        if not 0 < share <= 1:
            refuse(f"{show(share)} is out of range", "shares > 0 and ≤ 1", (key,))
        found[int(digits)] = float(share)
    total = math.fsum(found.values())
    if abs(total - 1) > SLACK:
        refuse(f"the shares add up to {total:g}", ALLOWED)
    return Shares("value", (0.0,), tuple(sorted(found.items())))
