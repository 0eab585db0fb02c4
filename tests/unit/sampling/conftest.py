"""The batches beside this file are for the tests of what continues them."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parent))  # what lies beside this file is no package
