"""The figures of docs/guidance.md, from the judged structures of `python -m benchmarks steering`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lodestone.columns import Col

LABELS = {
    "unguided": "unguided",
    "control": "control",
    "late": "late: gradient at the end only",
    "default": "default: particles that look ahead",
}
COLOURS = {"unguided": "#777777", "control": "#bbbbbb", "late": "#e69f00", "default": "#0072b2"}


CASES = {
    "boron_8_5": "B, 8.5 Å³ per atom",
    "co_o_4": "Li-Co-O, four O around Co",
    "co_o_4_li_o_4": "and four O around Li",
}


def draw(folder: Path) -> list[Path]:
    """Both figures, from the first seed and checkpoint of the plan `confirm`, on disk or made now."""
    from benchmarks.shared.cases import read
    from benchmarks.steering.jobs import FILE, jobs, prepared, work
    from benchmarks.steering.rates import rows

    asked = read(FILE)
    plan = asked["plans"]["confirm"]
    one = plan | {"checkpoints": plan["checkpoints"][:1], "seeds": plan["seeds"][:1], "cases": list(CASES)}
    results = {job: work(asked, job) for job in jobs(asked, one)}
    targets = [folder / "guidance-rates.svg", folder / "guidance-volumes.svg"]
    rates(rows(asked, results), CASES, targets[0])
    boron = {job.arm: (prepared(asked, job)[2], table) for job, table in results.items() if job.system == "B"}
    spread = {name: (_raw_volumes(place), _volumes(table)) for name, (place, table) in boron.items()}
    constraint = asked["cases"]["boron_8_5"]["constraint"]
    (target,), within = [t["target"] for t in constraint["terms"]], constraint["satisfied_within"]
    volumes(spread, (target - within, target + within), targets[1])
    return targets


def _raw_volumes(folder: Path) -> Any:
    import polars as pl

    return _volumes(pl.concat([pl.read_parquet(p) for p in sorted(folder.glob("batch-*.parquet"))]))


def _volumes(table: Any) -> Any:
    """Volumes per atom of a structure table, (n,), Å³."""
    import numpy as np

    pairs = table.select("cell", "numbers").iter_rows()
    return np.array([abs(np.linalg.det(np.reshape(c, (3, 3)))) / max(1, len(z)) for c, z in pairs])


def rates(rows: list[dict[str, Any]], cases: dict[str, str], target: Path) -> None:
    """Satisfied as generated against persistent, arm by arm, one panel per case."""
    figure, axes = _axes(len(cases))
    for axis, (case, title) in zip(axes, cases.items(), strict=True):
        for row in [r for r in rows if r["case"] == case and r["arm"] in LABELS]:
            x, y = (row["outcomes"][o]["rate"] for o in (Col.SATISFIED, Col.PERSISTENT))
            axis.errorbar(
                100 * x[0], 100 * y[0], xerr=_bars(x), yerr=_bars(y), marker="o", capsize=2,
                color=COLOURS[row["arm"]], label=LABELS[row["arm"]], linestyle="",
            )  # fmt: skip
        axis.plot([0, 100], [0, 100], color="#cccccc", linewidth=0.8, zorder=0)
        axis.set(title=title, xlabel="satisfied as generated, %", xlim=(-3, 103), ylim=(-3, 103))
    axes[0].set_ylabel("persistent after relaxation, %")
    _save(figure, axes, target)


def volumes(tables: dict[str, Any], case: tuple[float, float], target: Path) -> None:
    """Volume per atom as generated and after relaxation, for some arms."""
    import numpy as np

    figure, axes = _axes(2)
    low, high = case
    bins = np.linspace(5.5, 11.5, 31)
    for name, (raw, relaxed) in tables.items():
        if name == "control":  # drawn over unguided, from which it does not differ
            continue
        for axis, values in zip(axes, (raw, relaxed), strict=True):
            axis.hist(
                np.clip(values, bins[0], bins[-1]), bins=bins, density=True, histtype="step", linewidth=1.6,
                color=COLOURS[name], label=LABELS[name],
            )  # fmt: skip
    for axis, title in zip(axes, ("boron, as generated", "after a short relaxation"), strict=True):
        axis.axvspan(low, high, color="#009e73", alpha=0.15, zorder=0)
        axis.set(title=title, xlabel="volume per atom, Å³", yscale="linear")
    axes[0].set_ylabel("density")
    axes[0].set_ylim(0, 1.6)
    axes[1].set_ylim(0, 1.6)
    _save(figure, axes, target)


def _axes(panels: int) -> tuple[Any, Any]:
    import matplotlib as mpl

    mpl.use("svg")
    import matplotlib.pyplot as plt

    mpl.rcParams["svg.hashsalt"] = "lodestone"
    figure, axes = plt.subplots(1, panels, figsize=(9.3, 3.4), squeeze=False)
    return figure, axes[0]


def _bars(rate: list[float]) -> list[list[float]]:
    value, low, high = (100 * r for r in rate)
    return [[max(0.0, value - low)], [max(0.0, high - value)]]


def _save(figure: Any, axes: Any, target: Path) -> None:
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="lower center", ncols=4, frameon=False, fontsize=8)
    figure.tight_layout(rect=(0, 0.12, 1, 1))
    target.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(target, metadata={"Date": None})
