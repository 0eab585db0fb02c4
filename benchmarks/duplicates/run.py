"""Deduplication at the size of a campaign, its error against the formula, and a trial with known answers."""

from __future__ import annotations

import os
import resource
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import asdict
from multiprocessing import active_children, get_context
from pathlib import Path
from typing import Any

from benchmarks.shared.record import provenance
from lodestone.columns import Col

ASKED = 2000  # structures looked up, of a fifth of the formulas of the references
SAMPLE = 400  # structures of the run on which the formula is timed too
METHODS = ("fingerprint", "two_stage")


def run(*, sizes: Sequence[tuple[int, int]], processes: int, repeats: int) -> dict[str, Any]:
    """Runs of the stage, times beside the formula's, errors of distances, and the trial."""
    from benchmarks.duplicates.trial import beside_ase, trial

    stages = []
    with tempfile.TemporaryDirectory() as folder:
        for structures, formulas in sizes:
            _write(structures, formulas, Path(folder))
            for method in METHODS:
                stages.append(_fresh(_stage, Path(folder), method, processes))
                print(stages[-1], file=sys.stderr, flush=True)
        _write(*sizes[0], Path(folder))
        novelty = _fresh(_novelty, Path(folder), sizes[0][1], processes)
        print(novelty, file=sys.stderr, flush=True)
    speed = _beside_formula(*sizes[0], repeats)
    print(speed, file=sys.stderr, flush=True)
    found = {"stages": stages, "novelty": novelty, "speed": speed, "ase": beside_ase(), "trial": trial()}
    return {**provenance(1), "processes": processes, **found}


def _write(structures: int, formulas: int, folder: Path) -> None:
    """The tables that the stage reads."""
    import polars as pl

    from benchmarks.duplicates.synthetic import duplicated_crystals
    from lodestone.structures import table

    crystals, _ = duplicated_crystals(structures, formulas, seed=1)
    names = [f"campaign/arm/{i // 1000:04d}/{i % 1000:05d}" for i in range(structures)]
    table.write_table(table.from_arrays(names, *zip(*crystals, strict=True)), folder / "symmetrized.parquet")
    table.write_table(pl.DataFrame({"id": names, "passed": [True] * structures}), folder / "screened.parquet")


def _fresh(function: Any, *arguments: Any) -> dict[str, Any]:
    """What a function returns in a process of its own, whose memory is measured."""
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        return dict(pool.submit(function, *arguments).result())


def _stage(folder: Path, method: str, processes: int) -> dict[str, Any]:
    """One run of the stage as its script does it: reading, clustering at three thresholds, writing."""
    from lodestone.curation import duplicates
    from lodestone.curation.matching import Similarity
    from lodestone.curation.results import Clusters
    from lodestone.structures.table import read_table, write_table

    kept: list[Clusters] = []
    cluster = duplicates.cluster

    def watched(*args: Any, **options: Any) -> Clusters:
        kept.append(cluster(*args, **options))
        return kept[-1]

    duplicates.cluster = watched
    begin = time.perf_counter()
    with _memory_watched() as megabytes:
        symmetrized, screened = (read_table(folder / f"{n}.parquet") for n in ("symmetrized", "screened"))
        similarity = Similarity(method="two_stage" if method == "two_stage" else "fingerprint")
        found = duplicates.duplicates_table(symmetrized, screened, similarity, processes=processes)
        write_table(found, folder / "duplicates.parquet")
        wall = time.perf_counter() - begin
    own, children = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return {
        "structures": len(found), "formulas": _formulas(symmetrized), "method": method, "wall": wall,
        "cpu": sum(u.ru_utime + u.ru_stime for u in (own, children)),
        "peak_megabytes": max(megabytes),
        "unique": [kept[0].unique(factor) for factor in (0.5, 1.0, 2.0)], **asdict(kept[0].cost),
    }  # fmt: skip


def _novelty(folder: Path, formulas: int, processes: int) -> dict[str, Any]:
    """Structures of a fifth of the formulas looked up among the first table, in three sources."""
    import polars as pl

    from benchmarks.duplicates.synthetic import duplicated_crystals
    from lodestone.curation import novelty
    from lodestone.curation.matching import Similarity
    from lodestone.curation.novelty import Lookups
    from lodestone.structures import table

    kept: list[Lookups] = []
    look_up_all = novelty.look_up_all

    def watched(*args: Any, **options: Any) -> Lookups:
        kept.append(look_up_all(*args, **options))
        return kept[-1]

    novelty.look_up_all = watched
    crystals, _ = duplicated_crystals(ASKED, max(1, formulas // 5), seed=1)  # copies of the same parents
    names = [str(i) for i in range(len(crystals))]
    asked = table.from_arrays(names, *zip(*crystals, strict=True))
    marked = pl.DataFrame({"id": names, Col.IS_REPRESENTATIVE: [True] * len(names)})
    begin = time.perf_counter()
    with _memory_watched() as megabytes:
        references = table.read_table(folder / "symmetrized.parquet")
        source = pl.Series("source", ["alexandria", "oqmd", "materials_project"])
        references = references.with_columns(source=source[[i % 3 for i in range(len(references))]])
        found = novelty.novelty_table(
            asked, marked, references, Similarity(), order=source.to_list(), processes=processes
        )
        wall = time.perf_counter() - begin
    return {
        "structures": len(found), "references": len(references), "compared": kept[0].compared, "wall": wall,
        "known": int(found["known"].sum()),
        "peak_megabytes": max(megabytes), **asdict(kept[0].cost),
    }  # fmt: skip


@contextmanager
def _memory_watched() -> Iterator[list[float]]:
    """Megabytes resident in this process and its children together, looked at again and again."""
    found, done = [0.0], threading.Event()

    def watch() -> None:
        while not done.wait(0.05):
            names = [os.getpid(), *(child.pid for child in active_children())]
            pages = 0
            for name in names:
                with suppress(OSError):  # a child has just ended
                    pages += int(Path(f"/proc/{name}/statm").read_text(encoding="ascii").split()[1])
            found.append(pages * resource.getpagesize() / 2**20)

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield found
    finally:
        done.set()
        watcher.join()


def _formulas(structures: Any) -> int:
    from lodestone.structures.crystals import bucket_labels, pack_table

    return int(bucket_labels(pack_table(structures)).max()) + 1


def _beside_formula(structures: int, formulas: int, repeats: int) -> dict[str, Any]:
    """Time of the fingerprints and of the decisions beside the direct ways, and the error of D."""
    import numpy as np

    from benchmarks.duplicates.synthetic import duplicated_crystals
    from benchmarks.shared.timing import interleaved, ratio_of_medians
    from lodestone.curation.clustering import grouped
    from lodestone.curation.fingerprint import DEFAULTS, distances, vector
    from lodestone.curation.fingerprints import fingerprints
    from lodestone.structures.crystals import bucket_labels, pack

    crystals = duplicated_crystals(min(structures, 4000), formulas, seed=1)[0]
    packed = pack(crystals)
    some = list(range(min(SAMPLE, len(crystals))))
    times = interleaved(
        {
            "formula": lambda: [vector(crystals[i]) for i in some],
            "together": lambda: fingerprints(packed, DEFAULTS),
        },
        repeats,
    )
    per = {"formula": len(some), "together": len(packed)}
    cpu = {name: [t / per[name] for t in clocks.cpu] for name, clocks in times.items()}
    ratio = ratio_of_medians(cpu["formula"], cpu["together"], paired=True)
    features = fingerprints(packed, DEFAULTS)
    worst, pairs = 0.0, 0
    for bucket in grouped(bucket_labels(packed)[: len(some)]):
        exact = np.array([vector(crystals[i]) for i in bucket])
        quick = features.vectors(bucket)
        error = np.abs(distances(quick, quick) - distances(exact, exact))
        worst, pairs = max(worst, float(error.max())), pairs + len(bucket) * (len(bucket) - 1) // 2
    return {
        "microseconds": {name: 1e6 * float(np.median(values)) for name, values in cpu.items()},
        "ratio": [ratio.value, ratio.low, ratio.high], "repeats": repeats,
        "atoms": float(packed.sizes.mean()), "error": worst, "pairs": pairs,
        "decisions": _beside_matcher(crystals[:1000], repeats),
    }  # fmt: skip


def _beside_matcher(crystals: Sequence[Any], repeats: int) -> dict[str, Any]:
    """Decisions on pairs inside the double gate, beside pymatgen's own reduction and matcher."""
    import numpy as np

    from benchmarks.duplicates.trial import matcher_alone
    from benchmarks.shared.timing import interleaved, ratio_of_medians
    from lodestone.curation.clustering import grouped
    from lodestone.curation.fingerprint import DEFAULTS, distances
    from lodestone.curation.fingerprints import fingerprints
    from lodestone.curation.matching import PairDecisions, Similarity
    from lodestone.structures.crystals import bucket_labels, pack

    packed = pack(crystals)
    features = fingerprints(packed, DEFAULTS)
    pairs: list[tuple[int, int]] = []
    for bucket in grouped(bucket_labels(packed)):
        vectors = features.vectors(bucket)
        near = np.triu(distances(vectors, vectors) <= 0.2, 1)
        pairs += [(int(bucket[i]), int(bucket[j])) for i, j in zip(*np.nonzero(near), strict=True)]
    pairs = pairs[:SAMPLE]
    answers: dict[str, list[bool]] = {}

    def ours() -> None:
        decisions = PairDecisions(packed, Similarity())
        answers["ours"] = [decisions.same(i, j) for i, j in pairs]

    def theirs() -> None:
        alone = matcher_alone(crystals)
        answers["matcher"] = [alone(i, j) for i, j in pairs]

    times = interleaved({"ours": ours, "matcher": theirs}, max(3, repeats // 2))
    ratio = ratio_of_medians(times["matcher"].cpu, times["ours"].cpu, paired=True)
    apart = sum(a != b for a, b in zip(answers["ours"], answers["matcher"], strict=True))
    return {
        "pairs": len(pairs), "same": sum(answers["ours"]), "other_answers": apart,
        "ratio": [ratio.value, ratio.low, ratio.high],
    }  # fmt: skip
