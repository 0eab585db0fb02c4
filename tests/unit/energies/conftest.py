"""The estimators and crystals beside this file are for every test of energies."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))  # what lies beside this file is no package
