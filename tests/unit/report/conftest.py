"""A finished small campaign, shared by the tests of the report."""

from __future__ import annotations

import importlib.util
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lodestone.workflow.adapter import typed_settings

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))  # the builders beside this file are not a package


def _script(name: str) -> Any:
    path = HERE.parents[2] / "scripts" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(f"script_{name}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _as_json(config: dict[str, Any]) -> dict[str, Any]:
    """The settings as a rule passes them; what pilots chose is read from their documents."""
    found: dict[str, Any] = json.loads(json.dumps(config))
    found.pop("pilots", None)
    return found


def analyse(root: Path, config: dict[str, Any], out: Path) -> Path:
    """Analyse the campaign directory `root`, writing below `out`; returns `out`."""
    statistics = out / "statistics"
    names = ("success", "attrition", "pareto", "diversity", "distributions")
    main = _script("analyse").main
    main(
        directory=root,
        settings=typed_settings(main, "analyse", _as_json(config)),
        candidates=out / "candidates.parquet",
        best=out / "best",
        summary=statistics / "summary.json",
        **{name: statistics / f"{name}.tsv" for name in names},
    )
    return out


def finish(root: Path, config: dict[str, Any], n: int = 24, **oddities: Any) -> Path:
    """Build a campaign directory, analyse it and write its report; returns the directory."""
    import synthetic

    synthetic.build(root, config, n, **oddities)
    return report(analyse(root, config, root))


def report(root: Path) -> Path:
    """Write the report of the analysed campaign directory `root`; returns it."""
    _script("report").main(directory=root, settings={}, output=root / "report.html")
    return root


@pytest.fixture(scope="session")
def analysed() -> Callable[..., Path]:
    return analyse


@pytest.fixture(scope="session")
def reported() -> Callable[[Path], Path]:
    return report


@pytest.fixture(scope="session")
def finished() -> Callable[..., Path]:
    return finish


@pytest.fixture(scope="session")
def campaign(tmp_path_factory: pytest.TempPathFactory) -> Path:
    import synthetic

    config = synthetic.settings(synthetic.usual_arms())
    return finish(tmp_path_factory.mktemp("results") / "small", config)
