"""Amounts of a resource as a profile may write them: 720, 12h, 4GB, 2000 * attempt. Pure."""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable, Mapping
from typing import Any

NUMERIC = {"mem_mb", "mem_mb_per_cpu", "runtime", "cpus_per_task", "disk_mb"}
MINUTES = {"s": 1 / 60, "m": 1.0, "min": 1.0, "h": 60.0, "d": 1440.0, "w": 10080.0}
MEGABYTES = {
    "KB": 1e-3,
    "MB": 1.0,
    "GB": 1e3,
    "TB": 1e6,
    "KIB": 1.024e-3,
    "MIB": 1.048576,
    "GIB": 1073.741824,
}
OPERATORS: Mapping[type, Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Pow: operator.pow,
}
FUNCTIONS: Mapping[str, Callable[..., float]] = {"min": min, "max": max, "int": int, "round": round}


def amount(name: str, value: Any) -> tuple[str, Any]:
    """A resource and its amount in the unit that jobs ask for: minutes, megabytes.

    An expression is taken for the first attempt. What is no amount (a partition) stays as it is.

    Raises:
        ValueError: the value of a resource that is a number is none; the message says what is allowed.
    """
    text = str(value).strip().strip("'\"")
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError(f"{name} is {value!r}; allowed: a number or text")  # noqa: TRY004  # of a file
    if not isinstance(value, str):
        return name, value
    if name in {"mem", "disk"}:
        return f"{name}_mb", _of_units(name, text, MEGABYTES, "a size, as in 4GB")
    if name not in NUMERIC:
        return name, int(text) if text.isdigit() else text
    if name == "runtime" and re.fullmatch(r"[\d.]+ *[a-z]+", text, re.IGNORECASE):
        return name, _of_units(name, text, MINUTES, "minutes, or a time as in 12h")
    try:
        return name, _evaluated(ast.parse(text, mode="eval").body)
    except (ValueError, SyntaxError, TypeError, ZeroDivisionError):
        raise ValueError(f"{name} is {value!r}; allowed: a number, or a sum with `attempt`") from None


def _of_units(name: str, text: str, units: Mapping[str, float], allowed: str) -> int:
    match = re.fullmatch(r"([\d.]+) *([a-zA-Z]+)", text)
    scale = match and (units.get(match.group(2)) or units.get(match.group(2).upper()))
    if not match or not scale:
        raise ValueError(f"{name} is {text!r}; allowed: {allowed}")
    return round(float(match.group(1)) * scale)


def _evaluated(node: ast.expr) -> float:
    """Arithmetic of numbers and `attempt`, which is 1 before anything failed."""
    if isinstance(node, ast.Constant) and isinstance(node.value, int | float):
        return node.value
    if isinstance(node, ast.Name) and node.id == "attempt":
        return 1
    if isinstance(node, ast.BinOp) and type(node.op) in OPERATORS:
        return OPERATORS[type(node.op)](_evaluated(node.left), _evaluated(node.right))
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in FUNCTIONS:
        return FUNCTIONS[node.func.id](*map(_evaluated, node.args))
    raise ValueError(ast.unparse(node))
