"""Targets: the set of values that a term asks for, and how far a value is from it.

A target is a value, a range, several values, or everything below or above a number. All five are
sets of intervals, and the gap is the signed distance to the nearest one.
Distances turn a gap into a loss, and several terms are combined.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from pydantic_core import PydanticCustomError, core_schema

from lodestone.schema.sections import PROBLEMS

if TYPE_CHECKING:
    from torch import Tensor


def scalar_distance(gap: float, name: str, delta: float) -> float:
    """Loss of one gap: |g|, g², or Huber (g²/2δ below δ, |g| - δ/2 above), in the gap's unit."""
    size = abs(gap)
    if name == "l1":
        return size
    if name == "l2":
        return size * size
    return size * size / (2 * delta) if size <= delta else size - delta / 2


def distance(gap: Tensor, name: str, delta: float) -> Tensor:
    """`scalar_distance` on a tensor of gaps."""
    import torch

    size = gap.abs()
    if name == "l1":
        return size
    if name == "l2":
        return size**2
    return torch.where(size <= delta, size**2 / (2 * delta), size - delta / 2)


def combine(losses: list[Any], weights: list[float], power: float) -> Any:
    """The l_p norm (Σ (w_k ℓ_k)^p)^(1/p) of weighted term losses (scalars or tensors)."""
    if len(losses) == 1:
        return weights[0] * losses[0]
    total = sum((w * loss) ** power for w, loss in zip(weights, losses, strict=True))
    tiny = 1e-12  # keeps the root differentiable where every term is met
    return (total + tiny) ** (1 / power)


Span = tuple[float | None, float | None]
Value = TypeVar("Value", "float", "Tensor")
Key = tuple[str | int, ...]
FORMS = "a value, [least, most], {values: [...]}, {lower: ...} or {higher: ...}"
SEVERAL = "[least, most] for a range, or {values: [3, 4, 6]} for the nearest of several"
WORDS = "{lower: 0.1} for 0.1 or less, {higher: 20} for 20 or more"


def refuse(wrong: str, allowed: str, key: Key = ()) -> NoReturn:
    """Raise the error of one key: what is wrong with it, and what is allowed."""
    raise PydanticCustomError(PROBLEMS, "{first}", {"first": wrong, PROBLEMS: [(key, wrong, allowed)]})


@dataclass(frozen=True)
class Target:
    """A set of wanted values: form 'value', 'range', 'values', 'lower' or 'higher', and its numbers."""

    form: str
    numbers: tuple[float, ...]

    def spans(self) -> list[Span]:
        """The set as closed intervals, open ends None; a value v is (v, v)."""
        if self.form == "range":
            return [(self.numbers[0], self.numbers[1])]
        if self.form == "lower":
            return [(None, self.numbers[0])]
        if self.form == "higher":
            return [(self.numbers[0], None)]
        return [(v, v) for v in self.numbers]

    @property
    def is_thin(self) -> bool:
        """Whether the set holds single values only, which no computed value meets exactly."""
        return self.form in {"value", "values"}

    def gap(self, value: Value) -> Value:
        """Signed distance from the set to a number, or to every number of a tensor; 0 inside."""
        gaps = [_gap(span, value) for span in self.spans()]
        if isinstance(value, int | float):
            return min(gaps, key=abs)
        import torch

        found = torch.stack(gaps)
        nearest = found.detach().abs().argmin(dim=0, keepdim=True)
        return found.gather(0, nearest)[0]

    def words(self) -> str:
        """The set in words: `4`, `6 to 8`, `3, 4 or 6`, `at most 0.1`, `at least 20`."""
        texts = [f"{v:g}" for v in self.numbers]
        if self.form in {"lower", "higher"}:
            return f"at {'most' if self.form == 'lower' else 'least'} {texts[0]}"
        if self.form == "range":
            return " to ".join(texts)
        return " or ".join(part for part in (", ".join(texts[:-1]), texts[-1]) if part)

    def plain(self) -> float | list[float] | dict[str, Any]:
        """The set as it stands in a campaign file."""
        if self.form == "value":
            return self.numbers[0]
        if self.form == "range":
            return list(self.numbers)
        return {self.form: list(self.numbers) if self.form == "values" else self.numbers[0]}

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> core_schema.CoreSchema:
        return Bounds().__get_pydantic_core_schema__(source, handler)

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: Any, handler: Any) -> dict[str, Any]:
        return Bounds().__get_pydantic_json_schema__(schema, handler)


@dataclass(frozen=True)
class Bounds:
    """Which numbers a target may hold: `Annotated[Target, Bounds(above=0)]`."""

    least: float | None = None
    above: float | None = None
    most: float | None = None

    def words(self) -> str:
        """The numbers in words: `finite numbers > 0`."""
        ends = [("≥", self.least), (">", self.above), ("≤", self.most)]
        found = " and ".join(f"{sign} {end:g}" for sign, end in ends if end is not None)
        return f"finite numbers {found}".strip()

    def hold(self, number: float) -> bool:
        """Whether a number is within."""
        return (
            (self.least is None or number >= self.least)
            and (self.above is None or number > self.above)
            and (self.most is None or number <= self.most)
        )

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> core_schema.CoreSchema:
        return core_schema.no_info_plain_validator_function(
            lambda data: parse(data, self),
            serialization=core_schema.plain_serializer_function_ser_schema(lambda target: target.plain()),
        )

    def __get_pydantic_json_schema__(self, schema: Any, handler: Any) -> dict[str, Any]:
        ends = {"minimum": self.least, "exclusiveMinimum": self.above, "maximum": self.most}
        number = {"type": "number"} | {key: end for key, end in ends.items() if end is not None}
        listed = {"type": "array", "items": number}
        pair = listed | {"minItems": 2, "maxItems": 2}
        inner = {"range": pair, "values": listed | {"minItems": 1}, "lower": number, "higher": number}
        mappings = [
            {"type": "object", "properties": {k: v}, "required": [k], "additionalProperties": False}
            for k, v in inner.items()
        ]
        return {"anyOf": [number, pair, *mappings], "allowed": f"{FORMS}; {self.words()}"}


def parse(data: Any, bounds: Bounds) -> Target:
    """Read a target from plain data; a fault names what is wrong and the right form."""
    if isinstance(data, Target):
        data = data.plain()
    if isinstance(data, list | tuple):
        return _range(data, bounds, ())
    if not isinstance(data, dict):
        if data in ("lower", "higher"):
            refuse(f"{data!r} alone says nothing", WORDS)
        return Target("value", (_number(data, bounds, ()),))
    forms = ("range", "values", "lower", "higher")
    unknown = [key for key in data if key not in forms]
    if unknown:
        refuse("unknown key", f"one of {', '.join(forms)}; or {FORMS}", (unknown[0],))
    if len(data) != 1:
        refuse(f"has {len(data)} keys", f"one of {', '.join(forms)}")
    ((form, inner),) = data.items()
    if form == "range":
        return _range(inner, bounds, (form,))
    if form != "values":
        return Target(form, (_number(inner, bounds, (form,)),))
    if not isinstance(inner, list | tuple) or not inner:
        refuse(f"{show(inner)} is no list of values", f"a list of {bounds.words()}", (form,))
    return Target(form, tuple(sorted({_number(v, bounds, (form, i)) for i, v in enumerate(inner)})))


def show(value: Any) -> str:
    """A value as it stands in a file, shortened."""
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "null"}[value]
    if isinstance(value, list | tuple | dict):
        return "a mapping" if isinstance(value, dict) else "an empty list" if not value else "a list"
    return str(value) if isinstance(value, float) and not math.isfinite(value) else repr(value)[:60]


def _range(data: Any, bounds: Bounds, key: Key) -> Target:
    if not isinstance(data, list | tuple):
        refuse(f"{show(data)} is no list", "[least, most]", key)
    if len(data) != 2:
        refuse(f"a list of {len(data)} entr{'y' if len(data) == 1 else 'ies'}", SEVERAL, key)
    low, high = (_number(v, bounds, (*key, i)) for i, v in enumerate(data))
    if not low < high:
        refuse(f"{low:g} is not below {high:g}", "[least, most]; several values as {values: [...]}", key)
    return Target("range", (low, high))


def _number(data: Any, bounds: Bounds, key: Key) -> float:
    kinds: Iterable[tuple[type, str]] = ((bool, "a truth value"), (str, "text"), (list, "a list"))
    wrong = next((words for kind, words in kinds if isinstance(data, kind)), None)
    if data is None:
        refuse("is empty", f"{FORMS}; {bounds.words()}", key)
    if wrong or not isinstance(data, int | float):
        refuse(f"{show(data)} is {wrong or 'no number'}", f"{bounds.words()}; {FORMS}", key)
    if not math.isfinite(data):
        refuse(f"{show(data)} is not finite", bounds.words(), key)
    if not bounds.hold(data):
        refuse(f"{show(data)} is out of range", bounds.words(), key)
    return float(data)


def _gap(span: Span, value: Value) -> Value:
    low, high = span
    if low is not None and low == high:
        return value - low
    if isinstance(value, int | float):
        above = max(0.0, value - high) if high is not None else 0.0
        return above + (min(0.0, value - low) if low is not None else 0.0)
    above = (value - high).clamp_min(0) if high is not None else 0.0 * value
    return above + (value - low).clamp_max(0) if low is not None else above
