"""Constraints: what a user asks for, as a smooth loss that guides and a hard check that is reported.

A constraint is one or more terms; a term is a descriptor with a target and a distance. Each file in
`descriptors/` is one descriptor; a new one is found by itself and becomes part of `AnyTerm`.
"""

from lodestone.constraints.registry import AnyTerm, term_models, terms_of
from lodestone.constraints.term import Term

__all__ = ["AnyTerm", "Term", "term_models", "terms_of"]
