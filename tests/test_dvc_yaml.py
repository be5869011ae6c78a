"""dvc.yaml lists for each stage just what it reads: its import closure, its sections and its selected profiles."""

import ast
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from conftest import ROOT

PACKAGE = ROOT / "src/distill"
PIPELINE: dict[str, Any] = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))
STAGES: dict[str, Any] = PIPELINE["stages"]


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def imports(path: Path) -> set[Path]:
    """What a module uses of the package: modules that it imports, anywhere in it, or starts as `python -m` by name,
    and folders of data that it names."""
    names, folders = set(), set()
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.isascii():
            names |= {node.value} if node.value.startswith("distill.") else set()
            folders |= {PACKAGE / node.value} if node.value.isidentifier() else set()
    files = {PACKAGE / f"{name.removeprefix('distill.')}.py" for name in names if name.startswith("distill.")}
    return {file for file in files if file.exists()} | {folder for folder in folders if folder.is_dir()}


def closure(stage: str) -> set[Path]:
    found: set[Path] = set()
    todo = [PACKAGE / f"{stage}.py"]
    while todo:
        path = todo.pop()
        if path not in found:
            found.add(path)
            todo.extend(imports(path) if path.suffix == ".py" else ())
    return found


def params_read(paths: set[Path]) -> set[str]:
    """What the calls of `section` and `profile` in these modules read, as dvc.yaml writes it."""
    read = set()
    for path in (path for path in paths if path.suffix == ".py"):
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name | ast.Attribute):
                name = node.func.id if isinstance(node.func, ast.Name) else node.func.attr
                if name in ("section", "profile") and len(node.args) > 1 and isinstance(node.args[1], ast.Constant):
                    key = str(node.args[1].value)
                    read |= {key} if name == "section" else {key, f"{key}s.${{{key}}}"}
    return read - {"runtime"}


def listed(stage: str, key: str) -> set[str]:
    return {next(iter(item)) if isinstance(item, dict) else item for item in STAGES[stage].get(key, [])}


def test_the_contract_names_its_stages() -> None:
    assert list(STAGES)[:5] == ["expand_prompts", "collect", "format", "train", "evaluate"]


@pytest.mark.parametrize("stage", STAGES)
def test_code_dependencies_are_the_import_closure(stage: str) -> None:
    code = {path.relative_to(ROOT).as_posix() for path in closure(stage)}
    assert {dep for dep in listed(stage, "deps") if dep.startswith("src/")} == code


@pytest.mark.parametrize("stage", STAGES)
def test_params_are_what_the_code_reads(stage: str) -> None:
    assert listed(stage, "params") == params_read(closure(stage))


@pytest.mark.parametrize("stage", STAGES)
def test_runtime_is_nobodys_dependency(stage: str) -> None:
    assert not {key for key in listed(stage, "params") if key.startswith("runtime")}


@pytest.mark.parametrize("stage", STAGES)
def test_every_stage_says_what_it_does_and_runs_as_a_module(stage: str) -> None:
    assert len(STAGES[stage]["desc"]) > 20
    assert STAGES[stage]["cmd"] == f"PYTHONPATH=src python -m distill.{stage}"


def test_lists_are_sorted() -> None:
    for stage in STAGES:
        for key in ("deps",):
            values = STAGES[stage][key]
            assert values == sorted(values), f"{stage}.{key}"


def test_every_key_of_params_yaml_has_a_comment() -> None:
    for number, line in enumerate((ROOT / "params.yaml").read_text(encoding="utf-8").splitlines(), start=1):
        body, _, comment = line.partition("#")
        key, _, value = body.partition(":")
        is_map = not value.strip() and body.strip()
        if body.strip() and not body.strip().startswith("- ") and not is_map:
            described = comment.strip() or key.strip() in ("teacher", "student", "source", "kind")
            assert described or _known_elsewhere(key.strip()), f"params.yaml:{number}: '{key.strip()}' has no comment"


def _known_elsewhere(key: str) -> bool:
    """A key that a later profile repeats is described where it stands first."""
    lines = (ROOT / "params.yaml").read_text(encoding="utf-8").splitlines()
    return any(line.strip().startswith(f"{key}:") and "#" in line for line in lines)
