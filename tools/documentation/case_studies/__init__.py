"""The case studies: what their small variants gave, told beside what the paper asks.

`python -m tools.documentation case-studies` writes the results below results/ into docs/case-studies.md.
"""

from __future__ import annotations

NAMES = ("boron", "fe-nd-b", "li-co-o", "cu-si-p", "cu-si-p-ca")
"""Campaign files of the case studies, config/NAME.yaml."""
VARIANT = "embedded"
"""The variant of each that runs on what comes with the package."""
