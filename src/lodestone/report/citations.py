"""What to cite when a result of a campaign is published: plain text, and BibTeX where the DOI is sure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Work:
    """A published work; `doi` is empty where none is known for sure."""

    key: str
    authors: str
    title: str
    where: str
    year: int
    doi: str = ""

    def text(self) -> str:
        """One line."""
        link = f" doi:{self.doi}" if self.doi else ""
        return f"{self.authors}, {self.title}, {self.where} ({self.year}).{link}"

    def bibtex(self) -> str:
        """An entry whose authors, venue and pages are as in the line: check it against the journal's own."""
        fields = {
            "author": self.authors.replace(" et al.", " and others"),
            "title": f"{{{self.title}}}",
            "howpublished": self.where,
            "year": str(self.year),
            "doi": self.doi,
        }
        lines = [f"  {name} = {{{value}}}," for name, value in fields.items() if value]
        return "\n".join([f"@misc{{{self.key},", *lines, "}"])


@dataclass(frozen=True)
class Told:
    """A work as a plugin tells it itself, as plain text."""

    words: str

    def text(self) -> str:
        """One line."""
        return self.words

    def bibtex(self) -> str:
        """None is told."""
        return ""


ALWAYS = (
    Work(
        "mattergen", "C. Zeni et al.", "A generative model for inorganic materials design",
        "Nature 639, 624", 2025, "10.1038/s41586-025-08628-5",
    ),
    Work(
        "universal-guidance", "A. Bansal et al.", "Universal guidance for diffusion models",
        "CVPR Workshops", 2023,
    ),
    Work(
        "constraint-guidance", "A. de Lambilly et al.",
        "Fine-tuning-free diffusion model with adaptive constraint guidance for inorganic crystal structure "
        "generation",
        "arXiv:2604.13354", 2026, "10.48550/arXiv.2604.13354",
    ),
    Work(
        "pymatgen", "S. P. Ong et al.", "Python Materials Genomics (pymatgen)",
        "Comput. Mater. Sci. 68, 314", 2013, "10.1016/j.commatsci.2012.10.028",
    ),
    Work(
        "spglib", "A. Togo et al.", "Spglib: a software library for crystal symmetry search",
        "Sci. Technol. Adv. Mater. Meth. 4, 2384822", 2024, "10.1080/27660400.2024.2384822",
    ),
    Work(
        "ase", "A. H. Larsen et al.", "The atomic simulation environment",
        "J. Phys.: Condens. Matter 29, 273002", 2017, "10.1088/1361-648X/aa680e",
    ),
    Work(
        "chemiscope", "G. Fraux et al.", "Chemiscope: interactive structure-property explorer",
        "J. Open Source Softw. 5, 2117", 2020, "10.21105/joss.02117",
    ),
)  # fmt: skip
ESTIMATORS = {
    "grace": Work(
        "grace", "A. Bochkarev, Y. Lysogorskiy, R. Drautz",
        "Graph atomic cluster expansion for semilocal interactions beyond equivariant message passing",
        "Phys. Rev. X 14, 021036", 2024, "10.1103/PhysRevX.14.021036",
    ),
    "chgnet": Work(
        "chgnet", "B. Deng et al.",
        "CHGNet as a pretrained universal neural network potential for charge-informed atomistic modelling",
        "Nat. Mach. Intell. 5, 1031", 2023, "10.1038/s42256-023-00716-3",
    ),
}  # fmt: skip
SOURCES = {
    "alexandria": Work(
        "alexandria", "J. Schmidt et al.",
        "Machine-learning-assisted determination of the global zero-temperature phase diagram of materials",
        "Adv. Mater. 35, 2210788", 2023, "10.1002/adma.202210788",
    ),
    "oqmd": Work(
        "oqmd", "J. E. Saal et al.",
        "Materials design and discovery with high-throughput density functional theory: the Open Quantum "
        "Materials Database (OQMD)",
        "JOM 65, 1501", 2013, "10.1007/s11837-013-0755-4",
    ),
    "materials_project": Work(
        "materials-project", "A. Jain et al.",
        "The Materials Project: a materials genome approach to accelerating materials innovation",
        "APL Mater. 1, 011002", 2013, "10.1063/1.4812323",
    ),
}  # fmt: skip

SAMPLERS = {
    "gss": (
        Work(
            "structure-search", "Y. Qin et al.",
            "Generative structure search for efficient and diverse discovery of molecular and crystal "
            "structures",
            "arXiv:2604.27636", 2026, "10.48550/arXiv.2604.27636",
        ),
    ),
    "rss": (
        Work(
            "random-search", "C. J. Pickard, R. J. Needs", "Ab initio random structure searching",
            "J. Phys.: Condens. Matter 23, 053201", 2011, "10.1088/0953-8984/23/5/053201",
        ),
    ),
    "symmetric": (
        Work(
            "strict-constraints", "C. Huang et al.",
            "A generation framework with strict constraints for crystal materials design",
            "arXiv:2411.08464", 2024, "10.48550/arXiv.2411.08464",
        ),
        Work(
            "pyxtal", "S. Fredericks et al.",
            "PyXtal: a Python library for crystal structure generation and symmetry analysis",
            "Comput. Phys. Commun. 261, 107810", 2021, "10.1016/j.cpc.2020.107810",
        ),
    ),
}  # fmt: skip


def citations(estimator: Any, sources: Iterable[str] = (), samplers: Iterable[str] = ()) -> list[Work | Told]:
    """Works behind the campaign; `estimator` is the configuration's section, a name, or None.

    `sources` are the names of the sources of references, `samplers` those of other samplers. Kinds that tell
    their citation themselves are cited by it.
    """
    from lodestone.energies.estimators import estimator_kinds
    from lodestone.sampling.samplers.registry import sampler_models

    kind = estimator.get("kind") if isinstance(estimator, dict) else estimator
    known = [work for key, work in ESTIMATORS.items() if key in str(kind or "").lower()]
    named = _told(estimator_kinds().get(str(kind))) or known
    drawn = [
        work
        for name in dict.fromkeys(samplers)
        for work in _told(sampler_models().get(name)) or SAMPLERS.get(name, ())
    ]
    return [*ALWAYS, *drawn, *named, *(SOURCES[name] for name in sources if name in SOURCES)]


def _told(model: Any) -> list[Told]:
    """What a kind says of itself; nothing where it says nothing, or is not installed here."""
    text = getattr(model, "citation", "")
    return [Told(text)] if text else []
