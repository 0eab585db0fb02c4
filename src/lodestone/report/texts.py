"""What the page says about its figures and tables."""

from __future__ import annotations

from lodestone.columns import Col
from lodestone.statistics.diversity import STABLE_BELOW

GUIDANCE = """Rates are shares of all generated structures; those that failed count as not satisfied.
Intervals are Wilson's, or bootstrapped over lineages where structures share ancestors.
Tests are one-sided: a two-proportion z-test, or Fisher's exact test where an expected count
is below 5. The confirmatory family (Holm) holds the guided arm of the last strength of each
primary constraint, outcome satisfied, against unguided and control; everything else is
exploratory (Benjamini–Hochberg). Unguided is the plain model; control has the same
recurrence without guidance; late has the gradient at the end of the trajectory and no particles."""

SWEEP = """Rates of the four outcomes against the strength of guidance, with their intervals; 0 Å is the
control, which has the same recurrence without guidance. Below them, what strength costs: the share of
valid crystals (Wilson's interval), and the median energy above the hull of screened structures, bars from
the first to the third quartile. A pilot's trials stand at the last round in which a strength took part;
there the energies are those of valid, unrelaxed structures."""

CONSTRAINT = """Distributions are those of raw samples, references beside them; the band is what counts as
satisfied. Curves are Gaussian kernel densities with Silverman's bandwidth, s (3n/4)^(-1/5) for n values with
standard deviation s; the button shows the histogram instead. Maps of two terms are such densities in two
dimensions, with one scale of colours for all arms; where an arm has few structures they are drawn as points.
The map of loss against energy above the hull holds screened, symmetrised structures and references, and the
fronts are those of both together; hover over a point for its formula, double-click to see references far
from the target."""

STABILITY = """Energies of candidates and references are computed by one estimator, so that its errors
partly cancel. Structures more than {shown_below:g} eV/atom above the hull are not drawn in
the hull. Named are the stable references; lines join those that coexist. A hull of one element is drawn as
a ladder of energies, one of four with the lowest structure of each composition, one of more as distances to
it, by composition."""

SOURCES = """The known crystals that novelty and hull were judged by, in the order in which the sources were
asked. What a source could not give was not compared with: a structure may then be known there, and a phase
that is missing from the hull makes candidates look more stable than they are. Entries that are no reference
(disordered, without positions, …) are counted; references.json has every reason whole."""

ATTRITION = """How many structures of each arm are left after each stage. A structure is lost at exactly
one stage, so the losses add up to what was generated; every lost structure stays in
candidates.parquet."""

DIVERSITY = f"""Distinct structures are representatives of clusters of duplicates within an arm. S.U.N.:
valid, stable (at most {STABLE_BELOW:g} eV/atom above the hull), unique and novel, as a
share of all generated. Crystal systems and space groups are those of the symmetrised, distinct structures."""

SEARCH = (
    "Arms drawn by a structure search: each structure is a local minimum of the campaign's estimator. A "
    "call is one evaluation of energy, forces and stress of one structure; passes of the network are not "
    "counted here. Distinct structures are those that passed the screen, within the arm; near the hull means "
    "below the cut of the plots."
)
STRICTNESS = (
    "Arms drawn in the symmetric subspace of proposals, as generated, by the space group asked for: "
    "formulas with exactly the atoms asked for, structures in which spglib finds the group itself (symprec "
    "0.01 Å), and those in which it finds a supergroup, whose atoms have come to lie on positions of higher "
    "symmetry. Failed structures count as neither."
)
QUALITY = """Satisfied is not enough: forces and energies of raw valid structures, how many relaxations
converged, and how many different structures satisfy the constraint before and after
relaxation."""

COST = """Rejection is plain MatterGen, of which one keeps what satisfies the constraint: what guidance has
to beat. The cost of a success is the cost of a structure over the rate of successes, in passes of the
network and in seconds of sampling where they were timed; the relaxations of particles that look ahead
are in the seconds only, those of the finished structures and a pilot in neither. Ratios
below 1 are cheaper than rejection. Distinct crystals become rarer the more is sampled; their cost holds
for the number of structures of this campaign."""

PILOT = """The strength was chosen by successive halving on structures that are used for nothing else: all
candidates begin with few structures, the better half by satisfied and valid structures goes on with twice
as many. A candidate is out of bounds where the interval of its fall in validity, or of its rise in energy
above the hull, lies beyond the bound as a whole."""

ESTIMATOR = """The estimator against the energies that the references came with. Intervals are
bootstrapped (95 %). The error of energies above the hull decides what a small distance from the
hull is worth; it is that of hulls of each source's own phases, while the points compare with the distance
that the source itself states."""

AUDIT = """What the hull lacks: elements without a reference, compositions whose hull is only a lower
bound, and how far the hull moves when one source of references is left out."""

HEADS: dict[str, str] = {
    "distinct_half": "distinct, half the threshold",
    "distinct_double": "distinct, twice the threshold",
    Col.UNIQUE_SHARE: "unique / %",
    "unique_low": "unique, low / %",
    "unique_high": "unique, high / %",
    Col.NOVEL_SHARE: "novel / %",
    "novel_low": "novel, low / %",
    "novel_high": "novel, high / %",
    "converged_share": "converged / %",
    "converged_low": "converged, low / %",
    "converged_high": "converged, high / %",
    Col.MAX_FORCE_MEDIAN: Col.MAX_FORCE_MEDIAN.head("median max force"),
    Col.MAX_FORCE_UPPER_QUARTILE: Col.MAX_FORCE_UPPER_QUARTILE.head("upper quartile of max force"),
    Col.ENERGY_MEDIAN: Col.ENERGY_MEDIAN.head("median energy"),
    Col.STABLE_BELOW: Col.STABLE_BELOW.head("stable below"),
    "sun": "S.U.N.",
    Col.SUN_RATE: "S.U.N. / %",
    "sun_low": "S.U.N., low / %",
    "sun_high": "S.U.N., high / %",
    "rate": "rate / %",
    "rate_low": "rate, low / %",
    "rate_high": "rate, high / %",
    Col.STRENGTH: Col.STRENGTH.label,
    Col.PASSES_PER_STRUCTURE: "passes per structure",
    Col.PASSES_PER_SUCCESS: "passes per success",
    "passes_per_success_low": "passes per success, low",
    "passes_per_success_high": "passes per success, high",
    "ratio": "ratio to rejection",
    "ratio_low": "ratio, low",
    "ratio_high": "ratio, high",
    "valid_share": "valid / %",
    "energy": Col.E_ABOVE_HULL.head("median energy above hull"),
    "fall": "fall in validity / %",
    "fall_low": "fall, low / %",
    "fall_high": "fall, high / %",
    "rise": Col.E_ABOVE_HULL.head("rise in energy"),
    "rise_low": Col.E_ABOVE_HULL.head("rise, low"),
    "rise_high": Col.E_ABOVE_HULL.head("rise, high"),
    "mae": Col.E_ABOVE_HULL.head("MAE"),
    "rmse": Col.E_ABOVE_HULL.head("RMSE"),
    "bias": Col.E_ABOVE_HULL.head("bias"),
    "mae_low": Col.E_ABOVE_HULL.head("MAE, low"),
    "mae_high": Col.E_ABOVE_HULL.head("MAE, high"),
    "rmse_low": Col.E_ABOVE_HULL.head("RMSE, low"),
    "rmse_high": Col.E_ABOVE_HULL.head("RMSE, high"),
    "bias_low": Col.E_ABOVE_HULL.head("bias, low"),
    "bias_high": Col.E_ABOVE_HULL.head("bias, high"),
    "quarantined": "in quarantine",
    "mean_shift": Col.E_ABOVE_HULL.head("mean shift"),
    "largest_shift": Col.E_ABOVE_HULL.head("largest shift"),
}
"""Heads of columns whose names need a unit."""
