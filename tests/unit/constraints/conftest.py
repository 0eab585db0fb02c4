"""The crystals beside this file are for every test of constraints."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))  # the builders beside this file are not a package
