"""From raw samples to distinct, judged crystals: validity, symmetry, screening, duplicates, novelty.

Words: `n_atoms` atoms of one structure; rows of `cell` (3, 3) are lattice vectors in Å; `frac`
(n_atoms, 3) are fractional coordinates. Nothing is dropped anywhere: a structure that a stage
cannot treat keeps its row, and the row names the reason.
"""
