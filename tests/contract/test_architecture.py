import ast
import re
import subprocess
import sys

import pytest

HEAVY = {
    "torch", "tensorflow", "tensorpotential", "mattergen", "chgnet", "pymatgen", "ase", "spglib", "matscipy",
    "numpy", "scipy", "pandas", "polars", "sklearn", "statsmodels", "plotly", "matplotlib", "chemiscope",
}  # fmt: skip
ASSET_LIMIT = 10 * 2**20
STEP = {
    "output": r"^    output:\n",
    "log": r"^    log:\n",
    "threads": r"^    threads:",
    "memory": r"^        mem_mb=",
    "time": r"^        runtime=",
}
CAMPAIGN_STEP = {
    "message": r"^    message:\n",
    "settings": r"^        settings=LODESTONE\.settings\(",
    "code": r"^        code=LODESTONE\.code\(",
}


def files(root, *patterns):
    found = sorted(path for pattern in patterns for path in root.glob(pattern))
    assert found, patterns
    return found


def relative(root, paths):
    return [path.relative_to(root).as_posix() for path in paths]


def lines(path):
    return len(path.read_text(encoding="utf-8").splitlines())


@pytest.mark.parametrize(
    "statement",
    [
        "import lodestone",
        "import lodestone.cli",
        "import lodestone.config",
        "import lodestone.workflow.wiring",
    ],
)
def test_cheap_entry_points_import_nothing_heavy(statement):
    code = f"{statement}; import sys; print(*sorted(name.partition('.')[0] for name in sys.modules))"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    assert "lodestone" in loaded
    assert HEAVY.isdisjoint(loaded)


def test_no_file_of_source_is_long(root):
    paths = files(root, "src/**/*.py", "scripts/*.py", "rules/*.smk", "tests/**/*.py", "workflow/Snakefile")
    assert relative(root, [path for path in paths if lines(path) > 500]) == []
    assert lines(root / "workflow" / "Snakefile") <= 60


def test_scripts_are_thin(root):
    thick = {}
    for path in files(root, "scripts/*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        faults = [] if lines(path) <= 80 else [f"{lines(path)} lines"]
        faults += [f"class {node.name}" for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
        *_, last = tree.body
        if not (isinstance(last, ast.If) and ast.unparse(last.test) == "__name__ == '__main__'"):
            faults.append("does not end with its guard")
        if faults:
            thick[path.name] = faults
    assert thick == {}


def test_scripts_of_rules_have_one_public_function_and_end_with_the_adapter(root):
    wrong = {}
    for name in sorted(scripts_of_rules(root)):
        tree = ast.parse((root / "scripts" / name).read_text(encoding="utf-8"))
        functions = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
        public = [node.name for node in functions if not node.name.startswith("_")]
        (main,) = [node for node in functions if node.name == "main"]
        if public != ["main"] or main.args.args or main.args.posonlyargs or main.args.vararg:
            wrong[name] = "one public function, main, with keyword arguments only"
        elif "run(main, globals())" not in ast.unparse(tree.body[-1]):
            wrong[name] = "ends with run(main, globals())"
        elif any(isinstance(node, ast.ImportFrom) and node.module == "__future__" for node in tree.body):
            wrong[name] = (
                "`from __future__` cannot come first once Snakemake has put its lines before the script"
            )
    assert wrong == {}


def scripts_of_rules(root):
    text = "".join(path.read_text(encoding="utf-8") for path in files(root, "rules/*.smk"))
    return set(re.findall(r'"\.\./scripts/(\w+\.py)"', text))


def test_every_script_has_its_rule(root):
    scripts = {path.name for path in files(root, "scripts/*.py") if not path.name.startswith("embedded_")}
    assert scripts == {name for name in scripts_of_rules(root) if not name.startswith("embedded_")}


def rules(root):
    for path in files(root, "rules/*.smk"):
        parts = re.split(r"^rule (\w+):\n", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
        yield from ((path.stem, name, body) for name, body in zip(parts[1::2], parts[2::2], strict=True))


def test_every_rule_says_what_it_does_and_what_it_needs(root):
    lacking = {}
    for file, name, body in rules(root):
        wanted = {"docstring": r'\A    """[A-Z].+?"""\n'}
        if re.search(r"^    (?:script|shell|run):\n", body, re.MULTILINE):
            wanted |= STEP
        if file != "embedded":
            wanted |= CAMPAIGN_STEP
        missing = [
            what for what, pattern in wanted.items() if not re.search(pattern, body, re.MULTILINE | re.DOTALL)
        ]
        if missing:
            lacking[name] = missing
    assert lacking == {}


def test_every_reported_output_has_its_caption(root):
    text = "".join(path.read_text(encoding="utf-8") for path in files(root, "rules/*.smk"))
    reported = len(re.findall(r"(?<![\w.])report\(", text))
    captions = re.findall(r'caption="\.\./(workflow/report/\w+\.rst)"', text)
    assert reported == len(captions) > 0
    assert [name for name in captions if not (root / name).read_text(encoding="utf-8").strip()] == []


def test_the_readme_s_commands_exist(root):
    text = "".join((root / name).read_text(encoding="utf-8") for name in ("README.md", "CONTRIBUTING.md"))
    blocks = "".join(re.findall(r"```bash\n(.*?)```", text, flags=re.DOTALL))
    make = set(re.findall(r"^make ([\w-]+)", blocks, flags=re.MULTILINE))
    assert {"demo", "test", "lint", "setup"} <= make
    assert make <= set(
        re.findall(r"^([\w-]+):", (root / "Makefile").read_text(encoding="utf-8"), flags=re.MULTILINE)
    )
    command = [sys.executable, "-m", "lodestone", "--help"]
    described = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    for verb in set(re.findall(r"^lodestone (\w+)", blocks, flags=re.MULTILINE)):
        assert re.search(rf"\b{verb}\b", described), verb
    for path in re.findall(r"(?:config|profiles)/[\w.-]+", blocks):
        assert (root / path).exists(), path


def test_no_file_names_a_registry_or_a_place_on_one_machine(root, tracked):
    registry = re.compile(r"pypi\.org|pythonhosted\.org|pytorch\.org/whl|anaconda\.org")
    place = re.compile(r"(?<![\w.~}<>/*-])/(?:work|home|root|opt)/\w")
    found = []
    for path in tracked:
        if path.suffix in {".parquet", ".npz", ".ckpt", ".png", ".js", ".gz"}:
            continue
        text = path.read_text(encoding="utf-8", errors="replace")
        found += [
            f"{path.relative_to(root)}: {m.group()}"
            for m in (*registry.finditer(text), *place.finditer(text))
        ]
    assert found == []


def test_embedded_assets_stay_small(root, tracked):
    folder = root / "src" / "lodestone" / "embedded"
    sizes = {path: path.stat().st_size for path in tracked if folder in path.parents and path.suffix != ".py"}
    assert 0 < sum(sizes.values()) <= ASSET_LIMIT
    assert "uv.lock" not in relative(root, tracked)
