"""Run the pipeline on an example of another domain: in a copy of this repository, with the example's data.

    python -m distill.example NAME                      in a copy that is removed afterwards (or `make example NAME=…`)
    python -m distill.example NAME --to ../my-project   in a copy that stays: the start of a repository of your own

In: a folder of examples/: `data` (prompts, checks, reference answers), `params.yaml` (what differs from this
repository's) and README.md. Out: the figures that `evaluate` prints; with `--to`, a Git and DVC repository with the
program, that example and nothing of the other domains, its first run committed.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from distill.common import cli
from distill.common.config import PARAMS, load_yaml
from distill.common.errors import DistillError, InputError

EXAMPLES = Path("examples")
PROGRAM = (
    ".dvc", ".dvcignore", ".gitattributes", ".gitignore", "LICENSE", "Makefile", "configs", "data/.gitignore",
    "data/answers/.gitignore", "data/train-checks/README.md", "dvc.yaml", "metrics/.gitignore",
    "metrics/plots/.gitignore", "models/.gitignore", "params.yaml", "pyproject.toml", "requirements.lock", "src",
)  # fmt: skip
"""What a repository of another domain takes from this one, as far as Git tracks it."""


def main() -> None:
    """Command line: `python -m distill.example`."""
    parser = cli.parser(__doc__)
    parser.add_argument("name", help="a folder of examples/")
    parser.add_argument("--to", type=Path, help="a new or empty folder for the copy; without it, the copy is removed")
    parser.add_argument("-S", "--set", metavar="KEY=VALUE", action="append", default=[], dest="settings",
                        help="a parameter of the copy, such as train.epochs=1")  # fmt: skip
    args = parser.parse_args()
    example = EXAMPLES / args.name
    if not args.name or not (example / "data").is_dir():
        known = ", ".join(sorted(path.parent.name for path in EXAMPLES.glob("*/data")))
        raise InputError(f"{EXAMPLES}: there is no example '{args.name}'; choose one of: {known}")
    settings = dict(map(setting, args.settings))
    if args.to:
        make(example, args.to, settings)
        commit(args.to)
        print(f"{args.to}: a repository of its own; cd there, and see its README.md")
    else:
        with tempfile.TemporaryDirectory(prefix="distill-") as folder:
            make(example, Path(folder), settings)
        print("The copy is removed; to keep it, with its report: `make example NAME=… DIR=…`")


def setting(text: str) -> tuple[str, Any]:
    """Read KEY=VALUE, the value as YAML.

    Raises:
        InputError: It is something else.
    """
    key, equals, value = text.partition("=")
    try:
        found = yaml.safe_load(value)
    except yaml.YAMLError:
        equals = ""
    if not (key and equals):
        raise InputError(f"-S {text}: expected KEY=VALUE, such as train.epochs=1")
    return key, found


def make(example: Path, folder: Path, settings: Mapping[str, Any]) -> None:
    """Copy program and example to `folder`, and run the pipeline there.

    Raises:
        InputError: `folder` is not empty.
        DistillError: The pipeline failed; DVC has said why.
    """
    from dvc.utils.flatten import flatten

    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(f"{folder}: not an empty directory; remove it, or choose another place")
    for name in tracked():
        copy(Path(name), folder / name)
    for path in filter(Path.is_file, sorted(example.rglob("*"))):
        if path != example / PARAMS:
            copy(path, folder / path.relative_to(example))
    change(folder / PARAMS, {**flatten(load_yaml(example / PARAMS)), **settings})
    run(folder, "git", "init", "--quiet", "--initial-branch=main")
    run(folder, sys.executable, "-m", "dvc", "repro")


def tracked() -> list[str]:
    """Return the files of the program that Git tracks."""
    listed = subprocess.run(["git", "ls-files", "-z", "--", *PROGRAM], capture_output=True, check=False)
    names = [name for name in listed.stdout.decode().split("\0") if Path(name).is_file()]
    if listed.returncode or not names:
        raise InputError("the program's files cannot be listed by Git; run this in a clone of the repository")
    return names


def copy(source: Path, target: Path) -> None:
    """Copy a file."""
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)


def change(path: Path, values: Mapping[str, Any]) -> None:
    """Set dotted keys of a YAML file, keeping its comments.

    Raises:
        InputError: There is no such key.
    """
    from dvc.utils.serialize import modify_yaml

    with modify_yaml(str(path)) as params:
        for key, value in values.items():
            *parents, last = key.split(".")
            node = params
            for name in parents:
                node = node.get(name) if isinstance(node, dict) else None
            if not isinstance(node, dict) or last not in node:
                raise InputError(f"{key}: there is no such parameter in {PARAMS}; correct its name")
            node[last] = value


def run(folder: Path, *command: str) -> None:
    """Run a command in the copy, with this Python first on the path.

    Raises:
        DistillError: It failed.
    """
    clean = {key: value for key, value in os.environ.items() if key not in ("DVC_ROOT", "DVC_STAGE", "PYTHONPATH")}
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    if status := subprocess.run(command, cwd=folder, env=clean | {"PATH": path}, check=False).returncode:
        how = "failed there; see above" if status > 0 else f"was ended there by signal {-status}"
        raise DistillError(f"{folder}: `{' '.join(Path(word).name for word in command)}` {how}")


def commit(folder: Path) -> None:
    """Commit the first run, if Git knows the user's name."""
    run(folder, "git", "add", "--all")
    if subprocess.run(["git", "commit", "--quiet", "-m", "First run"], cwd=folder, check=False).returncode:
        print(f"{folder}: not committed yet; tell Git your name, then `git commit -m 'First run'`", file=sys.stderr)


if __name__ == "__main__":
    cli.run(main)
