"""The benchmarks: a folder each that measures and reports, what two need in `shared`, no import circle."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

SHARED = "shared"


@pytest.fixture(scope="module")
def home(root):
    return root / "benchmarks"


@pytest.fixture(scope="module")
def modules(home) -> dict[str, Path]:
    """Dotted names of all modules and their files; a package is its `__init__`."""
    found = {}
    for path in home.rglob("*.py"):
        parts = path.relative_to(home.parent).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    assert len(found) > 40
    return found


@pytest.fixture(scope="module")
def imports(modules) -> dict[str, set[str]]:
    """The modules of the benchmarks that each of them imports, anywhere in it."""
    return {name: set(imported(path, modules)) for name, path in modules.items()}


def imported(path: Path, modules: dict[str, Path]) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import"
            whole = [f"{node.module}.{alias.name}" for alias in node.names]
            yield from {name if name in modules else str(node.module) for name in whole} & set(modules)
        elif isinstance(node, ast.Import):
            yield from {alias.name for alias in node.names} & set(modules)


def folder(name: str) -> str:
    """The benchmark (or `shared`) that a module belongs to; its own name at the top."""
    return name.split(".")[1] if name.count(".") else name


def circle(graph: dict[str, set[str]]) -> list[str]:
    """The names on a circle, or nothing."""
    done: set[str] = set()

    def walk(name: str, way: list[str]) -> list[str]:
        if name in way:
            return [*way[way.index(name) :], name]
        if name not in done:
            for other in sorted(graph[name]):
                if found := walk(other, [*way, name]):
                    return found
            done.add(name)
        return []

    return next((found for name in sorted(graph) if (found := walk(name, []))), [])


def test_a_circle_is_found_where_there_is_one():
    assert circle({"a": {"b"}, "b": {"c"}, "c": {"b"}}) == ["b", "c", "b"]
    assert circle({"a": {"b", "c"}, "b": {"c"}, "c": set()}) == []


def test_no_module_imports_itself_by_a_detour(imports):
    assert circle(imports) == []


def test_folders_import_shared_and_nothing_of_each_other(imports):
    crossing = [
        (name, other)
        for name, others in imports.items()
        for other in others
        if name.count(".") and folder(other) not in {folder(name), SHARED}
    ]
    assert [pair for pair in crossing if pair[0] != "benchmarks.__main__"] == []
    assert {folder(other) for other in imports["benchmarks.__main__"]} == {SHARED}


def test_the_product_imports_no_benchmark(root):
    using = [
        path.relative_to(root).as_posix()
        for place in ("src", "scripts", "rules", "workflow")
        for path in (root / place).rglob("*")
        if path.suffix in {".py", ".smk"} or path.name == "Snakefile"
        if "import benchmarks" in (text := path.read_text(encoding="utf-8")) or "from benchmarks" in text
    ]
    assert using == []


def test_every_benchmark_measures_reports_and_has_its_command(home):
    from benchmarks.__main__ import main, names

    folders = {path.name for path in home.iterdir() if path.is_dir() and path.name != "__pycache__"}
    assert set(names()) == folders - {SHARED, "results"}
    for name in names():
        assert {"__init__.py", "run.py", "report.py"} <= {path.name for path in (home / name).iterdir()}, name
        assert name.replace("_", "-") in main.commands
    assert {path.name for path in home.iterdir() if path.is_file()} == {"__init__.py", "__main__.py"}


def test_every_report_says_where_its_tables_stand():
    from benchmarks.__main__ import names, places

    results = [place.result for place in places()]
    assert {result.partition("-")[0] for result in results} == set(names())
    marks = [(place.page, place.mark) for place in places()]
    assert len(marks) == len(set(marks))


def test_results_are_kept_as_json_alone(home, tracked):
    kept = [path for path in tracked if home / "results" in path.parents]
    assert kept
    assert {path.suffix for path in kept} == {".json"}
    elsewhere = {path.suffix for path in tracked if home in path.parents and path not in kept}
    assert elsewhere == {".py", ".yaml"}


def test_no_file_is_long(modules):
    long = {name: n for name, path in modules.items() if (n := len(path.read_text().splitlines())) > 300}
    assert long == {}
