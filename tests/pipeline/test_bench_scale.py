"""bench/scale.py: the workspace that it makes holds as many prompts and answers as were asked for, and is measured."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from repository import ROOT
from workspace import environment

pytestmark = pytest.mark.slow
HELD_OUT = 48


def test_stages_at_two_sizes(tmp_path: Path) -> None:
    command = [sys.executable, str(ROOT / "bench/scale.py"), "--sizes", "150", "2000", "--folder", str(tmp_path),
               "--stages", "expand_prompts", "collect"]  # fmt: skip
    env = environment(tmp_path, PYTHONPATH=str(ROOT / "src"))
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    lines = [line.split() for line in done.stdout.splitlines()[1:]]
    assert [(line[0], int(line[1]) - HELD_OUT) for line in lines] == [
        *((name, 150) for name in ("expand_prompts", "ledger", "collect")),
        *((name, 2000) for name in ("expand_prompts", "ledger", "collect")),
    ]
    assert all(float(value) >= 0 for line in lines for value in line[2:4])  # 150 prompts can take 0.0 seconds
    assert all(float(value) > 0 for line in lines for value in line[4:7])
    rows = [json.loads(line) for line in (tmp_path / "2000/data/teacher_data.jsonl").read_text().splitlines()]
    assert len({row["completion"] for row in rows}) == len(rows)
