"""The generated files: config/default.yaml, config/schema.json and three pages of docs/."""

from __future__ import annotations

import json
from pathlib import Path

from lodestone.config.faults import campaign_schema
from tools.documentation.configuration import page
from tools.documentation.constraints import constraints_page
from tools.documentation.defaults import default_yaml
from tools.documentation.statistics import statistics_page


def generated() -> dict[Path, str]:
    """Text of every generated file, by its path in the repository."""
    return {
        Path("config/default.yaml"): default_yaml(),
        Path("config/schema.json"): schema_json(),
        Path("docs/configuration.md"): page(),
        Path("docs/constraints.md"): constraints_page(),
        Path("docs/statistics.md"): statistics_page(),
    }


def schema_json() -> str:
    """The JSON schema of a campaign, for editors."""
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema"} | campaign_schema()
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"
