"""What to cite when a result of a campaign is published."""

from __future__ import annotations

from typing import Any

ALWAYS = (
    "MatterGen: C. Zeni et al., A generative model for inorganic materials design, Nature 639, 624 (2025).",
    "Universal guidance: A. Bansal et al., Universal guidance for diffusion models, CVPR Workshops (2023).",
    "pymatgen: S. P. Ong et al., Comput. Mater. Sci. 68, 314 (2013).",
    "spglib: A. Togo et al., Sci. Technol. Adv. Mater. Meth. 4, 2384822 (2024).",
    "ASE: A. H. Larsen et al., J. Phys.: Condens. Matter 29, 273002 (2017).",
    "chemiscope: G. Fraux et al., J. Open Source Softw. 5, 2117 (2020).",
)
ESTIMATORS = {
    "grace": "GRACE: A. Bochkarev, Y. Lysogorskiy, R. Drautz, Phys. Rev. X 14, 021036 (2024).",
    "chgnet": "CHGNet: B. Deng et al., Nat. Mach. Intell. 5, 1031 (2023).",
}


def citations(estimator: Any) -> list[str]:
    """Works behind the campaign; `estimator` is the configuration's section, a name, or None."""
    kind = estimator.get("kind") if isinstance(estimator, dict) else estimator
    named = [text for key, text in ESTIMATORS.items() if key in str(kind or "").lower()]
    return [*ALWAYS, *named]
