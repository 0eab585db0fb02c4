"""docs/constraints.md: every descriptor with its definition, unit, keys and an example."""

from __future__ import annotations

import inspect

from lodestone.config.sections.constraints import Constraint
from lodestone.constraints import Term, term_models
from tools.documentation.configuration import table
from tools.documentation.keys import example, flow, units

TEXT = """\
# Constraints

What can be asked, and how each property is computed and judged. A constraint is what the structures shall
fulfil: one or more terms, each a descriptor (`kind`) with a target. Every term has two faces. The *smooth*
value is differentiable and guides the sampler; the *hard* value is what a chemist would compute for the
finished structure, and is what tables, figures and tests report. A term is satisfied where the gap of its
hard value to the target is at most its `tolerance`, or the constraint's `satisfied_within`; a constraint
where all its terms are. Where a hard value is not defined (no atom of that element, a broken cell) the term
is not satisfied.

{constraint}
## Targets

The gap is the signed distance to the set that is asked for, in the descriptor's unit.

| target | asks for | gap of a value v |
|---|---|---|
| `4` | a value | v - 4 |
| `[6, 8]` or `{{range: [6, 8]}}` | a range | distance to the nearer end, 0 inside |
| `{{values: [3, 4, 6]}}` | one of several values | v - the nearest |
| `{{lower: 0.1}}` | this or lower | v - 0.1, 0 below |
| `{{higher: 20}}` | this or higher | v - 20, 0 above |
| `{{4: 0.5, 6: 0.5}}` | a distribution; for `coordination_distribution` | their distance |

`satisfied_within` and `tolerance` may be 0 where the target is a range, `lower`, `higher` or a distribution.
The loss of a term grows with its gap by `distance`: `l1` |g|, `l2` g², or `huber` (g²/2δ up to δ = `delta`,
|g| - δ/2 beyond); the losses of several terms are combined by the norm (Σ (weight · loss)^p)^(1/p) with
p = `combine`. Terms of another unit than the first need a `tolerance` of their own.

Keys of every term:

{shared}
"""
END = "Made by `python -m tools.documentation` from the models; not edited by hand.\n"


def constraints_page() -> str:
    """The whole page."""
    shared = table(Term, leave_out={"kind", "target"})
    parts = [TEXT.format(constraint=table(Constraint), shared=shared)]
    parts += [section(model) for model in term_models().values()]
    return "\n".join([*parts, END])


def section(model: type[Term]) -> str:
    """One descriptor."""
    lines = [f"## `{model.model_fields['kind'].default}`", "", inspect.cleandoc(model.__doc__ or ""), ""]
    lines += [f"Unit of value, target and tolerance: {units(model)}.", ""]
    lines += ["```yaml", yaml_example(model), "```", ""]
    return "\n".join([*lines, table(model, leave_out=Term.model_fields.keys() - {"kind", "target"})])


def yaml_example(model: type[Term]) -> str:
    """The section `constraints` of a campaign with one term of this kind."""
    term = example(model)
    needed = flow({"kind": term.kind} | dict(model.example))
    within = 0.5 if term.is_thin else 0
    return "\n".join(
        ["constraints:", "  wanted:", f"    terms: [{needed}]", f"    satisfied_within: {within}"]
    )
