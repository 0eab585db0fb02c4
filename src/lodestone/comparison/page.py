"""The comparison as a page that opens without a network."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import version
from importlib.resources import files
from typing import Any

from lodestone.comparison import views
from lodestone.report.rendering import environment


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
