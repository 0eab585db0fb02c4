"""The embedded GRACE model: weights fitted by this project, and how a model is rebuilt from them.

GRACE's code (`tensorpotential`) is under an academic, non-commercial licence, so no part of it and
no file that it wrote is shipped. `weights.npz` holds plain arrays and the numbers that describe the
architecture; `python -m lodestone.embedded.grace build` lets the installed package make a
SavedModel of them in a cache folder. `card.md` says how the weights were made and how good they are.
"""

from __future__ import annotations

from pathlib import Path

WEIGHTS = Path(__file__).with_name("weights.npz")
CARD = Path(__file__).with_name("card.md")
CARD_DATA = Path(__file__).with_name("card.json")

__all__ = ["CARD", "CARD_DATA", "WEIGHTS"]
