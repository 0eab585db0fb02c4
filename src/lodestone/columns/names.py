"""Names of columns that several modules use, each with its unit: the one place where they stand.

They are texts and no enum: polars makes a data type of its own of an enum's members where they are values.
"""

from __future__ import annotations

from typing import Self

PER_ATOM, FORCE, LENGTH, VOLUME, TIME = "eV/atom", "eV/Å", "Å", "Å³", "s"


class Name(str):
    """The name of a column: a text that knows the unit of its numbers, "" where they have none."""

    __slots__ = ("unit",)

    unit: str

    def __new__(cls, name: str, unit: str = "") -> Self:
        """A name; `unit` as a reader sees it."""
        made = super().__new__(cls, name)
        made.unit = unit
        return made

    @property
    def label(self) -> str:
        """What an axis or the head of a table prints: "e_above_hull / eV/atom"."""
        return self.head(self)

    def head(self, words: str) -> str:
        """The same with other words for the quantity."""
        return f"{words} / {self.unit}" if self.unit else str(words)

    def of(self, constraint: str) -> str:
        """The column of one constraint: "<constraint>.<name>"."""
        return f"{constraint}.{self}"

    def by(self, estimator: str) -> str:
        """The column by a further estimator: "<name>_<estimator>"."""
        return f"{self}_{estimator}"


class Col:
    """The names: those of candidates.parquet in the order of the stages, then those of statistics/."""

    CELL = Name("cell", LENGTH)
    LINEAGE = Name("lineage")
    ANCESTRY = Name("ancestry")
    ESTIMATOR_CALLS = Name("estimator_calls")
    SEARCH_CONVERGED = Name("search_converged")
    SEARCH_ENERGY = Name("search_energy", PER_ATOM)
    ASKED_SPACE_GROUP = Name("asked_space_group")
    ASKED_ORBITS = Name("asked_orbits")

    VOLUME_PER_ATOM = Name("volume_per_atom", VOLUME)
    MIN_DISTANCE = Name("min_distance", LENGTH)
    VALID = Name("valid")
    INVALID_REASON = Name("invalid_reason")
    FORMULA = Name("formula")
    N_ATOMS = Name("n_atoms")

    ENERGY_RAW = Name("energy_raw", PER_ATOM)
    MAX_FORCE_RAW = Name("max_force_raw", FORCE)
    ENERGY_RELAXED = Name("energy_relaxed", PER_ATOM)
    MAX_FORCE_RELAXED = Name("max_force_relaxed", FORCE)
    RELAX_STEPS = Name("relax_steps")
    RELAX_CONVERGED = Name("relax_converged")
    RELAX_FAILURE = Name("relax_failure")

    SYM_NUMBERS = Name("sym_numbers")
    SPACE_GROUP = Name("space_group")
    SPACE_GROUP_SYMBOL = Name("space_group_symbol")
    SYMPREC = Name("symprec", LENGTH)
    DISPLACEMENT = Name("displacement", LENGTH)
    SYMMETRIZE_FAILURE = Name("symmetrize_failure")
    PASSED = Name("passed")
    SCREEN_REASON = Name("screen_reason")
    REPRESENTATIVE = Name("representative")
    MULTIPLICITY = Name("multiplicity")
    IS_REPRESENTATIVE = Name("is_representative")
    KNOWN = Name("known")
    REFERENCE_SOURCE = Name("reference_source")
    REFERENCE_ID = Name("reference_id")
    REFERENCE_DISTANCE = Name("reference_distance")

    ENERGY_PER_ATOM = Name("energy_per_atom", PER_ATOM)
    ENERGY_FAILURE = Name("energy_failure")
    E_ABOVE_HULL = Name("e_above_hull", PER_ATOM)
    E_ABOVE_HULL_COMBINED = Name("e_above_hull_combined", PER_ATOM)
    HULL_NOTE = Name("hull_note")
    P_METASTABLE = Name("p_metastable")
    BEST_RANK = Name("best_rank")
    BEST_FOR = Name("best_for")

    VALUES = Name("values")
    LOSS = Name("loss")
    SATISFIED = Name("satisfied")
    SATISFIED_VALID = Name("satisfied_valid")
    """An outcome like the others, and the one without a column of its own."""
    PERSISTENT = Name("persistent")
    RELAXED_SATISFIED = Name("relaxed_satisfied")
    RELAXED_VALUES = Name("relaxed_values")
    PROCESSED_VALUES = Name("processed_values")
    PROCESSED_LOSS = Name("processed_loss")
    PROCESSED_SATISFIED = Name("processed_satisfied")
    PARETO_RANK = Name("pareto_rank")

    ARM_KIND = Name("arm_kind")
    STRENGTH = Name("strength", LENGTH)
    REFERENCE_ARM = Name("reference_arm")
    RATE_REFERENCE = Name("rate_reference")
    TEST_USED = Name("test_used")
    P_USED = Name("p_used")
    P_ADJUSTED = Name("p_adjusted")
    SIGNIFICANT = Name("significant")
    MINIMAL_DETECTABLE_EFFECT = Name("minimal_detectable_effect")
    MDE_N = Name("mde_n")
    MDE_N_REFERENCE = Name("mde_n_reference")
    MDE_RATE_REFERENCE = Name("mde_rate_reference")

    SHARE_OF_GENERATED = Name("share_of_generated")
    UNIQUE_SHARE = Name("unique_share")
    NOVEL_SHARE = Name("novel_share")
    STABLE_BELOW = Name("stable_below", PER_ATOM)
    SUN_RATE = Name("sun_rate")
    MAX_FORCE_MEDIAN = Name("max_force_median", FORCE)
    MAX_FORCE_UPPER_QUARTILE = Name("max_force_upper_quartile", FORCE)
    ENERGY_MEDIAN = Name("energy_median", PER_ATOM)
    DISTINCT_PERSISTENT = Name("distinct_persistent")
    PASSES_PER_STRUCTURE = Name("passes_per_structure")
    SECONDS_PER_STRUCTURE = Name("seconds_per_structure", TIME)
    PASSES_PER_SUCCESS = Name("passes_per_success")
    SECONDS_PER_SUCCESS = Name("seconds_per_success", TIME)
    CALLS_PER_STRUCTURE = Name("calls_per_structure")
    LOWEST_ENERGY = Name("lowest_energy", PER_ATOM)
    LOWEST_E_ABOVE_HULL = Name("lowest_e_above_hull", PER_ATOM)


NAMES: dict[str, Name] = {str(found): found for found in vars(Col).values() if isinstance(found, Name)}
"""All of them by their text."""
