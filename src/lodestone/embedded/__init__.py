"""The small assets that come with the package, and which chemical systems they know.

They are for trying the software, not for science; the cards beside them say how they were made and how good
they are. GRACE's code (`tensorpotential`) is under an academic, non-commercial licence, so no part of it and
no file that it wrote is shipped: `grace/weights.npz` holds plain arrays and the numbers that describe the
architecture, and the installed package makes a SavedModel of them in a cache folder.
"""

from __future__ import annotations

from pathlib import Path

REBUILD = "restore the file, or rebuild it with `make embedded`"
FOLDER = Path(__file__).parent
SYSTEMS = ("Li-Co-O", "B", "Fe-Nd-B", "Cu-Si-P", "Cu-Si-P-Ca")
"""Chemical systems of the embedded references, potential and checkpoint."""
WEIGHTS = FOLDER / "grace" / "weights.npz"
"""The fitted weights of the embedded GRACE model."""
CARD = FOLDER / "grace" / "card.md"
CARD_DATA = FOLDER / "grace" / "card.json"
