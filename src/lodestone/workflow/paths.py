"""Where every file of a campaign lies. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

CATEGORIES = ("guidance", "constraints", "stability", "candidates", "curation", "estimator", "sources")
"""The categories of the report's figures."""


@dataclass(frozen=True, kw_only=True)
class CampaignPaths:
    """Files of one campaign below `root`; arms and shards may be Snakemake wildcards."""

    campaign: str
    root: Path = Path("results")

    @property
    def directory(self) -> Path:
        """The campaign's folder."""
        return self.root / self.campaign

    @property
    def record(self) -> Path:
        """Resolved settings, versions and hashes."""
        return self.directory / "campaign.json"

    def samples(self, arm: str, shard: int | str) -> Path:
        """Raw samples of a shard."""
        return self.directory / "arms" / arm / "samples" / f"{_number(shard)}.parquet"

    def stage(self, arm: str, stage: str) -> Path:
        """The table of a stage of an arm: measured, relaxed, symmetrized, screened, ..."""
        return self.directory / "arms" / arm / f"{stage}.parquet"

    def state(self, arm: str, part: int | str) -> Path:
        """Folder of unfinished work: of a shard, or of a stage by name."""
        return self.directory / "state" / arm / _number(part)

    def timing(self, arm: str, shard: int | str) -> Path:
        """How long the sampling of a shard took."""
        return self.directory / "timing" / arm / f"{_number(shard)}.json"

    def pilot(self, constraint: str, suffix: str = ".json") -> Path:
        """What the pilot of a constraint chose and tried (.json, .tsv), and its structures (.parquet)."""
        return self.directory / "pilot" / f"{constraint}{suffix}"

    def proposals(self, arm: str) -> Path:
        """Proposals of space groups and Wyckoff positions for an arm, ranked."""
        return self.directory / "proposals" / f"{arm}.parquet"

    def generator(self, arm: str) -> Path:
        """The trained generator of an arm's proposals."""
        return self.directory / "proposals" / f"{arm}.pt"

    @property
    def references(self) -> Path:
        """Known crystals."""
        return self.directory / "references.parquet"

    @property
    def reference_sources(self) -> Path:
        """What came of each source of known crystals: rows, dates, what is missing and why."""
        return self.directory / "references.json"

    @property
    def reference_energies(self) -> Path:
        """Their energies by the campaign's estimator."""
        return self.directory / "reference_energies.parquet"

    def energies_by(self, estimator: str) -> Path:
        """Their energies by another estimator, which a term or `energy.estimators` names."""
        return self.directory / "reference_energies" / f"{estimator}.parquet"

    def energy_by(self, arm: str, estimator: str) -> Path:
        """The energies of an arm by another estimator of `energy.estimators`."""
        return self.directory / "arms" / arm / "energies" / f"{estimator}.parquet"

    def hull_by(self, estimator: str) -> Path:
        """Energies above the hull by another estimator."""
        return self.directory / "hulls" / f"{estimator}.parquet"

    @property
    def agreement(self) -> Path:
        """How far several estimators agree in energies above the hull, by pair."""
        return self.directory / "agreement.parquet"

    @property
    def disagreements(self) -> Path:
        """The structures that they agree least about."""
        return self.directory / "disagreements.parquet"

    @property
    def hull(self) -> Path:
        """Energies above the hull of candidates and references."""
        return self.directory / "hull.parquet"

    @property
    def hull_audit(self) -> Path:
        """What the hull lacks."""
        return self.directory / "hull_audit.parquet"

    @property
    def estimator_error(self) -> Path:
        """Errors of the estimator against the references' own energies."""
        return self.directory / "estimator_error.parquet"

    @property
    def candidates(self) -> Path:
        """One row per generated structure with every column."""
        return self.directory / "candidates.parquet"

    @property
    def statistics(self) -> Path:
        """Folder of the statistics."""
        return self.directory / "statistics"

    @property
    def best(self) -> Path:
        """Folder of the best candidates."""
        return self.directory / "best"

    @property
    def report(self) -> Path:
        """The page for the reader."""
        return self.directory / "report.html"

    def figures(self, category: str) -> Path:
        """The figures of the report of one of `CATEGORIES`, a page."""
        return self.directory / "figures" / f"{category}.html"

    @property
    def all_figures(self) -> list[Path]:
        """The pages of figures of every category."""
        return [self.figures(category) for category in CATEGORIES]

    @property
    def places(self) -> dict[str, str]:
        """What a reader looks for first, and where it lies."""
        return {
            "report": str(self.report),
            "candidates": str(self.candidates),
            "best": f"{self.best}/: README.md, CIF, best.extxyz, inputs for VASP",
            "statistics": str(self.statistics),
        }

    @property
    def logs(self) -> Path:
        """Folder of the logs."""
        return self.directory / "logs"


def _number(part: int | str) -> str:
    return f"{part:04d}" if isinstance(part, int) else part
