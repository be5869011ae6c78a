"""A folder in which `python -m distill.generate` and `distill.evaluate` run on a tiny student."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

import tiny
from distill.common.jsonl import Row, write_json, write_jsonl
from repository import ROOT
from workspace import environment

PROMPTS = 24
SIDES = ("base", "distilled")


def workspace(folder: Path) -> Path:
    """Held-out prompts w10, w11 ..., answers of words, no code."""
    student = tiny.student(folder / "tiny")
    params = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    profile = {"source": "dir", "name": "tiny", "base_model": "tiny", "license": "x"}
    params |= {"student": "tiny", "students": {"tiny": profile}}
    params["generate"] |= {"max_new_tokens": 60, "batch_tokens": 300, "dtype": "float32"}
    (folder / "params.yaml").write_text(yaml.safe_dump(params), encoding="utf-8")
    tiny.adapter(folder / "models/distilled-student", student.model_copy(update={"name": "tiny"}))
    (folder / ".dvc").mkdir()
    write_data(folder)
    return folder


def held_out(number: int, **more: Any) -> Row:
    """The row of data/heldout.jsonl with this number."""
    row = {"id": f"p{number}", "base": f"p{number}", "group": "heldout-easy",
           "prompt": [{"role": "user", "content": f"w{10 + number} w5"}],
           "completion": [{"role": "assistant", "content": f"w{9 + number} w7 w8"}],
           "stop_reason": "end_turn", "ended": True}  # fmt: skip
    return row | more


def write_data(folder: Path) -> None:
    """Write what the stages before these would have written."""
    trained = {"id": "t", "prompt": [{"role": "user", "content": "w40"}],
               "completion": [{"role": "assistant", "content": "w41 w42"}]}  # fmt: skip
    write_jsonl(folder / "data/heldout.jsonl", map(held_out, range(PROMPTS)))
    write_jsonl(folder / "data/train.jsonl", [trained])
    write_json(folder / "metrics/collect.json", {"cost_usd": 1.25})
    (folder / "metrics/plots").mkdir()
    header = "update\tsplit\tloss\ttoken_accuracy\n"
    (folder / "metrics/plots/train.tsv").write_text(
        header + "1\ttrain\t2.0\t0.5\n2\ttrain\t1.0\t0.6\n2\tval\t0.9\t0.6\n"
    )
    for n in range(PROMPTS):
        check = folder / f"data/checks/p{n}.py"
        check.parent.mkdir(parents=True, exist_ok=True)
        check.write_text("from solution import f\n\n\ndef test_f():\n    assert f() == 1\n")


def start(folder: Path, *words: str, cores: int = 1) -> "subprocess.Popen[str]":
    """Start a stage: `generate base`, `generate distilled`, `evaluate`."""
    full = environment(folder, PYTHONPATH=str(ROOT / "src"), OMP_NUM_THREADS=str(cores))
    command = [sys.executable, "-m", f"distill.{words[0]}", *words[1:]]
    return subprocess.Popen(command, cwd=folder, env=full, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def run(folder: Path, *words: str, cores: int = 1) -> tuple[int, str]:
    """Run a stage; return its status and what it said on standard error."""
    process = start(folder, *words, cores=cores)
    _, errors = process.communicate()
    return process.returncode, errors


def generated(folder: Path) -> Path:
    """Run both generates."""
    for side in SIDES:
        code, errors = run(folder, "generate", side)
        assert code == 0, errors
    return folder


def rows(path: Path) -> list[Row]:
    """The rows of a JSONL file."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def error_line(errors: str) -> str:
    """The one line that a person reads."""
    assert "Traceback" not in errors
    (line,) = [line for line in errors.splitlines() if line.startswith("error: ")]
    return line
