"""Elements as vectors: their place in the periodic system, their size, their electronegativity."""

from __future__ import annotations

import warnings
from functools import lru_cache

import numpy as np

SIZE = 5


@lru_cache(maxsize=128)
def features(element: str) -> np.ndarray:
    """Period, group, electronegativity, covalent radius and Mendeleev number, (5,), each about 0 to 1.

    Pauling's electronegativity over 4, the radius (Cordero et al., Dalton Trans. 2008, 2832) over 2 Å,
    Pettifor's Mendeleev number over 103.

    Raises:
        ValueError: there is no such element.
    """
    from ase.data import atomic_numbers, covalent_radii
    from pymatgen.core import Element

    if not Element.is_valid_symbol(element) or element not in atomic_numbers:
        raise ValueError(f"no element {element!r}")
    known = Element(element)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # noble gases have no electronegativity: NaN
        negativity = float(known.X)
    return np.array(
        [
            known.row / 7,
            known.group / 18,
            0.0 if np.isnan(negativity) else negativity / 4,
            float(covalent_radii[atomic_numbers[element]]) / 2,
            float(known.mendeleev_no or 0) / 103,
        ]
    )


def electropositive_first(elements: list[str]) -> list[str]:
    """Elements in the order of their electronegativity; the symbol decides between equals."""
    return sorted(elements, key=lambda e: (float(features(e)[2]), e))
