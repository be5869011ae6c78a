"""What the documents name exists: files, modules, make targets, parameters, links."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from repository import ROOT

DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
PACKAGE = ROOT / "src/distill"
PARAMS: dict[str, Any] = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
DVC: dict[str, Any] = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))
TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
PATH = re.compile(
    r"(?<![\w/.-])((?:[\w.-]+/)+[\w.-]*[\w-]/?|[\w-]+\.(?:py|md|yaml|toml|lock|json|jsonl|tsv|html))(?![\w/])"
)
TARGET = re.compile(r"(?<![\w-])make\s+(?:[A-Z_]+=\S+\s+)*([a-z][a-z-]*)")
MADE = {"metrics/judge.json", "metrics/judgements.jsonl", "metrics/compare.html", "models/export", "models/merged"}
"""What commands beside the pipeline write."""
OF_OTHERS = ("http", "s3:", "gs:", "ssh:", "azure:", "/", "~", "<", "$")


def code(text: str) -> list[str]:
    """The lines of fenced blocks, and the code spans of the text around them; a YAML block is a file of the user's."""
    fenced = re.findall(r"^```(?!yaml)\w*\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    prose = re.sub(r"^```\w*\n.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    prose = re.sub(r"\n(?!\n)", " ", prose)  # a span may go over the end of a line
    return [line for block in fenced for line in block.splitlines()] + re.findall(r"`([^`\n]+)`", prose)


def outputs() -> set[str]:
    stages = [stage.get("do", stage) | {"keys": list(stage.get("foreach", [""]))} for stage in DVC["stages"].values()]
    outs = [(out, stage["keys"]) for stage in stages for out in [*stage["outs"], *stage.get("metrics", [])]]
    names = [(next(iter(out)) if isinstance(out, dict) else out, keys) for out, keys in outs]
    return {name.replace("${key}", key) for name, keys in names for key in keys}


def exists(name: str) -> bool:
    """Whether a path is in the repository, in the package, or made by a stage or command."""
    name = name.rstrip("/")
    made = outputs() | MADE
    known = made | {str(parent) for path in made for parent in Path(path).parents}
    within = any(Path(path).is_relative_to(name) or Path(name).is_relative_to(path) for path in made)
    if name in known or within or any((place / name).exists() for place in (ROOT, PACKAGE, ROOT / "tests")):
        return True
    return any(Path(path).name == name for path in made) or bool(list(PACKAGE.rglob(name)))


def documents() -> list[Any]:
    return [pytest.param(path, id=path.name) for path in DOCUMENTS]


@pytest.mark.parametrize("document", documents())
def test_targets_and_modules(document: Path) -> None:
    lines = code(document.read_text(encoding="utf-8"))
    targets = {target for line in lines for target in TARGET.findall(line.partition("#")[0])}
    assert targets - TARGETS == set()
    modules = {name for line in lines for name in re.findall(r"python -m distill\.([\w.]+)", line)}
    assert {
        name for name in modules if not (PACKAGE / f"{name}.py").is_file() and not (PACKAGE / name).is_dir()
    } == set()


@pytest.mark.parametrize("document", documents())
def test_files(document: Path) -> None:
    lines = code(document.read_text(encoding="utf-8"))
    words = {word for line in lines for word in re.split(r"[\s\"'=,;:()]+", line) if not word.startswith(OF_OTHERS)}
    named = {found for word in words if not set("*<$") & set(word) for found in PATH.findall(word)}
    written = {path for line in lines for path in re.findall(r"> ([\w./-]+) <<", line)}  # by the reader
    missing = {name for name in named - written if not exists(name) and not _is_example(name)}
    assert missing == set()


def _is_example(name: str) -> bool:
    """Names that a text only gives as an example, or that belong to the user or to other programs."""
    return name.startswith((".", "my-", "owner/", "HuggingFaceTB/")) or "…" in name


@pytest.mark.parametrize("document", documents())
def test_parameters(document: Path) -> None:
    lines = code(document.read_text(encoding="utf-8"))
    dotted = {
        word for line in lines for word in re.findall(r"(?<![\w./-])([a-z_]+(?:\.[a-z_0-9]+)+)(?=[\s=:`,)']|$)", line)
    }
    named = {name for name in dotted if name.split(".")[0] in PARAMS}
    assert {name for name in named if not _is_param(name) and not exists(name)} == set()


def _is_param(name: str) -> bool:
    node: Any = PARAMS
    for part in name.split("."):
        if not isinstance(node, dict) or part not in node:
            return False
        node = node[part]
    return True


@pytest.mark.parametrize("document", documents())
def test_links(document: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", document.read_text(encoding="utf-8")):
        if target.startswith("http"):
            continue
        name, _, anchor = target.partition("#")
        path = (document.parent / name).resolve() if name else document
        assert path.exists(), target
        if anchor:
            assert anchor in anchors(path), target


def anchors(path: Path) -> set[str]:
    titles = re.findall(r"^#+ (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def test_the_readme_is_short_and_names_the_licence() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 150
    assert "Apache License 2.0" in text
