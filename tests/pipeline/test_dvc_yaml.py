"""dvc.yaml lists for each stage just what it reads: its import closure, its sections and its selected profiles."""

import ast
from pathlib import Path
from typing import Any

import pytest
import yaml

from imports import PACKAGE, closure, tree
from repository import ROOT

PIPELINE: dict[str, Any] = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))
STAGES: dict[str, Any] = PIPELINE["stages"]


def code(stage: str) -> set[Path]:
    """The modules that a stage comes to import; a package's __init__ is a docstring."""
    return closure(PACKAGE / stage / "__main__.py")


def data_files(paths: set[Path]) -> set[Path]:
    """What modules load beside Python: the folders that they name to a PackageLoader."""
    found: set[Path] = set()
    for path in paths:
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.Call) and getattr(node.func, "id", None) == "PackageLoader":
                package = ast.literal_eval(node.args[0]).split(".")[1:]
                found |= {file for file in PACKAGE.joinpath(*package, "templates").iterdir() if file.is_file()}
    return found


def params_read(paths: set[Path]) -> set[str]:
    """What the calls of `section`, `single` and `profile` in these modules read, as dvc.yaml writes it."""
    read = set()
    for path in paths:
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name | ast.Attribute):
                name = node.func.id if isinstance(node.func, ast.Name) else node.func.attr
                reads = name in ("section", "single", "profile") and len(node.args) > 1
                if reads and isinstance(node.args[1], ast.Constant):
                    key = str(node.args[1].value)
                    read |= {key, f"{key}s.${{{key}}}"} if name == "profile" else {key}
    return {key for key in read if key.partition(".")[0] != "runtime"}


def listed(stage: str, key: str) -> set[str]:
    definition = STAGES[stage].get("do", STAGES[stage])
    return {next(iter(item)) if isinstance(item, dict) else item for item in definition.get(key, [])}


def files_listed(stage: str) -> set[Path]:
    places = [ROOT / dep for dep in listed(stage, "deps") if dep.startswith("src/")]
    files = {file for place in places for file in ([place] if place.is_file() else place.rglob("*"))}
    return {file for file in files if file.is_file() and "__pycache__" not in file.parts and file.name != "__init__.py"}


def test_every_stage_but_the_paid_judge_is_in_the_pipeline() -> None:
    assert set(STAGES) == {path.parent.name for path in PACKAGE.glob("*/stage.py")} - {"judge"}


@pytest.mark.parametrize("stage", STAGES)
def test_code_dependencies_are_the_import_closure(stage: str) -> None:
    assert files_listed(stage) == code(stage) | data_files(code(stage))


@pytest.mark.parametrize("stage", STAGES)
def test_few_places_are_listed(stage: str) -> None:
    """A stage lists folders, and single files of shared/ alone."""
    places = {dep for dep in listed(stage, "deps") if dep.startswith("src/")}
    assert 2 <= len(places) <= 7
    assert all((ROOT / dep).is_dir() or dep.startswith("src/distill/shared/") for dep in places)


@pytest.mark.parametrize("stage", STAGES)
def test_params_are_what_the_code_reads(stage: str) -> None:
    assert listed(stage, "params") == params_read(code(stage))


@pytest.mark.parametrize("stage", STAGES)
def test_runtime_is_nobodys_dependency(stage: str) -> None:
    assert not {key for key in listed(stage, "params") if key.startswith("runtime")}


@pytest.mark.parametrize("stage", STAGES)
def test_every_stage_says_what_it_does_and_runs_as_a_module(stage: str) -> None:
    definition = STAGES[stage].get("do", STAGES[stage])
    assert len(definition["desc"]) > 20
    assert definition["cmd"].startswith(f"PYTHONPATH=src python -m distill.{stage}")


def test_lists_are_sorted() -> None:
    for stage, definition in STAGES.items():
        values = definition.get("do", definition)["deps"]
        plain = [value for value in values if "${item" not in value]
        assert plain == sorted(plain), stage


def test_the_ledger_and_the_cache_of_bytecode_are_nobodys_dependency() -> None:
    ignored = (ROOT / ".dvcignore").read_text(encoding="utf-8").split()
    assert {".distill", "__pycache__/"} <= set(ignored)


def test_every_key_of_params_yaml_has_a_comment() -> None:
    lines = (ROOT / "params.yaml").read_text(encoding="utf-8").splitlines()
    for number, line in enumerate(lines, start=1):
        body, _, comment = line.partition("#")
        key, _, value = body.partition(":")
        is_map = not value.strip() and body.strip()
        if body.strip() and not body.strip().startswith("- ") and not is_map:
            described = comment.strip() or key.strip() in ("teacher", "student", "source", "kind")
            assert described or _known_elsewhere(lines, key.strip()), f"params.yaml:{number}: no comment"


def _known_elsewhere(lines: list[str], key: str) -> bool:
    """A key that a later profile repeats is described where it stands first."""
    return any(line.strip().startswith(f"{key}:") and "#" in line for line in lines)
