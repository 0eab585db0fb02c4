"""The comparison on a terminal, and as a page that opens without a network."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import version
from importlib.resources import files
from typing import Any

from lodestone.comparison import views
from lodestone.report.rendering import environment
from lodestone.statistics.console import table

FEW = 10
"""Crystals that are listed; all of them are in the JSON and on the page."""


def compare_text(document: Mapping[str, Any]) -> str:
    """Warnings first, then which campaign is ahead, rates, quality, crystals and the other settings."""
    lines = [f"{side.upper()}: {_head(document[side])}" for side in ("a", "b")]
    if document["same"]:
        lines += ["", "A and B have the same candidates: this is a campaign beside itself."]
    lines += ["", document["noise"]] if document["noise"] else []
    heads, rows = views.settings_table(document, warned=True)
    if rows:
        lines += ["", "Numbers that these settings touch are NOT comparable:", *table(heads, rows)]
    lines += ["", "Which is ahead"]
    lines += [f"  {_name(c)}: {c['sentence']}" for c in document["constraints"]]
    lines += _alone(document)
    for constraint in document["constraints"]:
        lines += ["", _name(constraint), *table(*views.rates_table(document, constraint["a"]))]
        lines += [
            f"  only in {side}: {', '.join(constraint[f'arms_only_{side.lower()}'])}"
            for side in ("A", "B")
            if constraint[f"arms_only_{side.lower()}"]
        ]
    if document["quality"]:
        lines += ["", "Valid structures", *table(*views.rates_table(document, None))]
        lines += ["", "Diversity (it depends on n)", *table(*views.quality_table(document))]
        lines += ["", "Structures left after each stage, A / B", *table(*views.attrition_table(document))]
    for key, what in (("best", "Best candidates"), ("distinct", "Distinct crystals")):
        found = document["crystals"][key]
        lines += ["", views.crystals_sentence(found, what)]
        heads, rows = views.crystals_table(found)
        if rows:
            lines += table(heads, rows[:FEW])
        if len(rows) > FEW:
            lines.append(f"  and {len(rows) - FEW} more: see --json or --html")
    heads, rows = views.settings_table(document, warned=False)
    lines += ["", "Other settings that differ", *table(heads, rows)] if rows else []
    if not document["settings"]:
        lines += ["", "No setting differs."]
    return "\n".join(lines)


def _head(side: Mapping[str, Any]) -> str:
    told = side["chemical_system"], f"{side['structures']} structures", side["directory"]
    return f"{side['campaign']} ({', '.join(told)})"


def _name(constraint: Mapping[str, Any]) -> str:
    one, other = constraint["a"], constraint["b"]
    return one if one == other else f"{one} of A, {other} of B"


def _alone(document: Mapping[str, Any]) -> list[str]:
    found = [
        f"  only in {side.upper()}: {', '.join(document[f'only_{side}'])}"
        for side in "ab"
        if document[f"only_{side}"]
    ]
    if not document["constraints"]:
        found.insert(0, "  The campaigns share no constraint, neither by name nor by terms.")
    return found


def compare_page(document: Mapping[str, Any]) -> str:
    """The page as HTML, in the style of the report; every text that comes from data is escaped."""
    from markupsafe import Markup

    style = files("lodestone.report").joinpath("templates/page.css").read_text(encoding="utf-8")
    return (
        environment("lodestone.comparison")
        .get_template("compare.html.j2")
        .render(
            document=document,
            style=Markup(style),  # noqa: S704
            warned=views.settings_table(document, warned=True),
            other=views.settings_table(document, warned=False),
            rates={c["a"]: views.rates_table(document, c["a"]) for c in document["constraints"]},
            valid=views.rates_table(document, None),
            quality=views.quality_table(document),
            attrition=views.attrition_table(document),
            crystals=[
                (views.crystals_sentence(found, what), views.crystals_table(found))
                for key, what in (("best", "Best candidates"), ("distinct", "Distinct crystals"))
                for found in (document["crystals"][key],)
            ],
            version=version("lodestone"),
        )
    )
