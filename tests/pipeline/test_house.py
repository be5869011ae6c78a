"""The rules of the house (docs/architecture.md): stages apart, floors downward, no circle, one door for outsiders."""

import ast
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from imports import PACKAGE, imports, module, modules, names, tree

STAGES = tuple(sorted(path.parent.name for path in PACKAGE.glob("*/stage.py")))
COMMANDS = ("comparison", "exporting", "growth")
"""Folders of commands that do not fit into a file at the root."""
FLOORS = (("common",), ("shared",), ("student", "api", "sandbox"), STAGES, COMMANDS)
"""Folders, from the ground up; what stands at the root (commands) is above all."""
DOORS = {
    "anthropic": "api/client.py",
    "bitsandbytes": None,
    "gguf": "exporting/lora_gguf.py",
    "huggingface_hub": "student/hub.py",
    "sandlock": "sandbox/supervisor.py",
    "trl": "train/trainer.py",
}
"""The one file that imports a dependency which could change under us; None: no file does."""


def folder(path: Path) -> str:
    """The folder that a module stands in, below `distill`; '' for a command."""
    parts = path.relative_to(PACKAGE).parts
    return parts[0] if len(parts) > 1 else ""


def floor(name: str) -> int:
    return next((number for number, names in enumerate(FLOORS) if name in names), len(FLOORS))


def arrows() -> list[tuple[Path, Path]]:
    return [(path, other) for path in modules() for other in sorted(imports(path))]


def test_every_folder_has_a_floor() -> None:
    folders = {path.name for path in PACKAGE.iterdir() if path.is_dir() and path.name != "__pycache__"}
    assert folders == {name for names in FLOORS for name in names}


def test_no_import_goes_up() -> None:
    up = [(module(a), module(b)) for a, b in arrows() if floor(folder(b)) > floor(folder(a))]
    assert up == []


def test_stages_do_not_import_each_other() -> None:
    across = [(a, b) for a, b in arrows() if folder(b) in STAGES and folder(a) != folder(b)]
    commands = {pair for pair in across if folder(pair[0]) in ("", *COMMANDS)}
    assert [(module(a), module(b)) for a, b in across if (a, b) not in commands] == []


def test_there_is_no_circle() -> None:
    graph = {module(path): {module(other) for other in imports(path)} for path in modules()}
    # A stage that starts itself in several processes (`python -m`) imports nothing by that.
    graph = {name: {other for other in others if not other.endswith("__main__")} for name, others in graph.items()}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(" -> ".join(error.args[1]))


@pytest.mark.parametrize("outsider", DOORS)
def test_an_outsider_comes_in_by_one_door(outsider: str) -> None:
    found = {
        path.relative_to(PACKAGE).as_posix()
        for path in modules()
        if any(name.split(".")[0] == outsider for name in names(path))
    }
    assert found == ({DOORS[outsider]} if DOORS[outsider] else set())


def test_a_package_is_a_docstring() -> None:
    for path in PACKAGE.rglob("__init__.py"):
        body = tree(path).body
        assert len(body) == 1, path
        assert isinstance(body[0], ast.Expr), path
        assert ast.get_docstring(tree(path)), path


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_is_a_folder_that_starts_by_its_name(stage: str) -> None:
    text = (PACKAGE / stage / "__main__.py").read_text(encoding="utf-8")
    imports = sorted(["from distill.common import cli", f"from distill.{stage}.stage import main"])
    assert text.splitlines() == [*imports, "", "cli.run(main)"]
    assert ast.get_docstring(tree(PACKAGE / stage / "stage.py"))


def test_at_the_root_are_commands_only() -> None:
    for path in PACKAGE.glob("*.py"):
        if path.name != "__init__.py":
            assert 'if __name__ == "__main__":\n    cli.run(main)\n' in path.read_text(encoding="utf-8"), path
