"""What every kind of estimator tells a campaign about itself: its settings, its files, how it is made.

A kind is one file of this folder, or one folder: a frozen model derived from `EstimatorSettings` with a
`kind`, its keys with their units and bounds, and `create`. Nothing heavy is imported at its top, so that a
campaign file is checked at once. Other packages register theirs as entry points of `lodestone.estimators`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from lodestone.schema.sections import Section

if TYPE_CHECKING:
    from lodestone.energies.evaluation import Estimator

RunsOn = Literal["cpu", "torch", "tensorflow", "any"]


class MissingModelError(FileNotFoundError):
    """No model where one was asked for; the message names the file and how to put it there."""


class EstimatorSettings(Section):
    """An interatomic potential that a campaign can name by its `kind`."""

    rank: ClassVar[int] = 100
    """Its place in lists of kinds; the lowest comes first."""
    beside_embedded: ClassVar[Mapping[str, Any]] = {}
    """Defaults of keys beside the embedded checkpoint, which is for trying the software."""
    citation: ClassVar[str] = ""
    """What the report tells to cite, as plain text."""

    runs_on: ClassVar[RunsOn] = "any"
    """The library that brings it onto a GPU, `cpu` where nothing does, `any` where that is its own affair."""

    def create(self, batch_size: int) -> Estimator:
        """The estimator itself (`lodestone.energies.evaluation.Estimator`); heavy imports belong here.

        Args:
            batch_size: structures per evaluation, as the campaign says.

        Raises:
            MissingModelError: its files are not there.
        """
        raise NotImplementedError

    def hashes(self) -> dict[str, str]:
        """SHA-256 of the files of its model by name, "missing" where one is not there: they rerun stages.

        Empty where the weights come with a package.
        """
        return {}

    def missing(self) -> str | None:
        """What is to be said before any job where its files are not there; None where nothing lacks."""
        return None

    def files(self) -> dict[str, tuple[Path, str]]:
        """Files that jobs on other machines read, by a name for each, and what to do if one is not there."""
        return {}

    def is_embedded(self) -> bool:
        """Whether its model is the small one of this package, which knows a few elements only."""
        return False

    def label(self) -> str:
        """What a summary calls it."""
        settings = self.model_dump()
        kind = settings.pop("kind")
        return f"{kind} {next(iter(settings.values()))}" if settings else str(kind)
