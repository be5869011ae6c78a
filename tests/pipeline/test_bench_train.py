"""bench/train.py on the tiny student: what it measures, on this machine and as on one without bf16."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from repository import ROOT
from training import workspace
from workspace import environment

pytestmark = pytest.mark.slow


def bench(folder: Path, *options: str) -> str:
    """What it prints."""
    env = environment(folder, PYTHONPATH=str(ROOT / "src"), OMP_NUM_THREADS="1")
    command = [sys.executable, str(ROOT / "bench/train.py"), "--examples", "4", "--epochs", "2", *options]
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_all_kinds_are_scored_on_the_same_answers(tmp_path: Path) -> None:
    output = bench(workspace(tmp_path), "--kinds", "plain", "plain-masked")
    base = re.findall(r"^(plain|plain-masked) .* (\d+\.\d{4}) → ", output, flags=re.MULTILINE)
    assert [kind for kind, _ in base] == ["plain", "plain-masked"]
    assert base[0][1] == base[1][1]


def test_on_a_machine_without_bf16_it_measures_fp32_alone(tmp_path: Path) -> None:
    output = bench(workspace(tmp_path), "--without-bf16", "--kinds", "train")
    peaks = output.splitlines()[0]
    assert "float32" in peaks
    assert "bfloat16" not in peaks
    assert re.search(r"^train +\d+ +\d+ +\d+% ", output, flags=re.MULTILINE)
