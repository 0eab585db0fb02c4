"""Which GPU a job computes on is SLURM's affair: the first visible one, which nothing here chooses."""

import ast
import re

import pytest

FOLDERS = ("src", "scripts", "rules", "workflow", "profiles", "benchmarks", "training")
NUMBERED = re.compile(r"\b(cuda|gpu):\d", re.IGNORECASE)
WRITES = re.compile(r"environ\S* *(\|?=|\[[^]]*\] *=)|putenv|setdefault|update")
SUSPECT = re.compile(r"\b(cuda|gpu):\d|CUDA_VISIBLE_DEVICES|set_device|\.device\(", re.IGNORECASE)
CHOOSES = {"set_device"}
OWN = {"src/snakemake_executor_plugin_submitit/payload.py"}
"""Undoes what submitit's processes of one machine do to CUDA_VISIBLE_DEVICES."""


def files(root, *suffixes):
    found = [p for folder in FOLDERS for p in (root / folder).rglob("*") if p.suffix in suffixes]
    assert found
    return found


def choices(tree):
    """What in a module names a GPU by number, calls what chooses one, or writes to CUDA_VISIBLE_DEVICES."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and NUMBERED.match(node.value):
            yield node.value
        elif isinstance(node, ast.Call) and getattr(node.func, "attr", None) in CHOOSES:
            yield ast.unparse(node)
        elif isinstance(node, ast.Call) and getattr(node.func, "attr", None) == "device":
            first = node.args[0] if node.args else None
            if isinstance(first, ast.Constant) and isinstance(first.value, int):
                yield ast.unparse(node)
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign | ast.Call | ast.AugAssign) and "CUDA_VISIBLE_DEVICES" in _texts(node):
            text = ast.unparse(node)
            if WRITES.search(text):
                yield text


def _texts(node):
    inside = [n for n in ast.walk(node) if isinstance(n, ast.Constant | ast.keyword)]
    return {n.value if isinstance(n, ast.Constant) else n.arg for n in inside}


def test_no_module_chooses_a_gpu(root):
    found = {
        path.relative_to(root).as_posix(): list(choices(ast.parse(text)))
        for path in files(root, ".py")
        if SUSPECT.search(text := path.read_text())
    }
    assert {name: what for name, what in found.items() if what and name not in OWN} == {}


def test_no_rule_or_profile_chooses_a_gpu(root):
    for path in files(root, ".smk", ".yaml"):
        text = path.read_text()
        assert "CUDA_VISIBLE_DEVICES" not in text, path
        assert not re.search(r"\bcuda:\d", text), path


@pytest.mark.parametrize(
    "code",
    [
        "model.to('cuda:1')",
        "torch.cuda.set_device(0)",
        "torch.device(1)",
        "os.environ['CUDA_VISIBLE_DEVICES'] = '0'",
        "os.environ |= {'CUDA_VISIBLE_DEVICES': '0'}",
        "os.environ.update(CUDA_VISIBLE_DEVICES='0')",
        "os.environ.setdefault('CUDA_VISIBLE_DEVICES', '0')",
        "os.putenv('CUDA_VISIBLE_DEVICES', '0')",
    ],
)
def test_such_code_would_be_found(code):
    assert list(choices(ast.parse(code)))


def test_what_is_allowed_is_not_found():
    code = "torch.device('cuda'); os.environ.get('CUDA_VISIBLE_DEVICES'); x = f'CUDA_VISIBLE_DEVICES={y}'"
    assert not list(choices(ast.parse(code)))
