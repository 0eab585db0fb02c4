"""Faults of a campaign file, told so that the reader can mend them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

WHOLE_FILE = "(file)"
"""Stands for the key where a fault concerns the file as a whole."""


@dataclass(frozen=True)
class Fault:
    """One fault: where it stands, which key, what is wrong and what is allowed."""

    where: str
    """`file:line`, `file` where there is no line, or `--config`."""
    key: str
    wrong: str
    allowed: str

    def __str__(self) -> str:
        return f"{self.where}: {self.key}: {self.wrong}; allowed: {self.allowed}"


class ConfigError(ValueError):
    """A campaign cannot be read; the message has one line per fault."""

    def __init__(self, faults: str | Sequence[Fault]) -> None:
        self.faults: tuple[Fault, ...] = () if isinstance(faults, str) else tuple(faults)
        super().__init__(faults if isinstance(faults, str) else "\n".join(map(str, faults)))
