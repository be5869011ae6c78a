"""tools/gpu_check.py (`make gpu-check`): on a machine without a GPU it says so, and runs and writes nothing."""

import subprocess
import sys
from pathlib import Path

import pytest

from distill.shared import device
from repository import ROOT
from workspace import environment


@pytest.mark.skipif(device.is_gpu(), reason="there is a GPU here, and `make gpu-check` takes minutes on it")
def test_without_a_gpu_it_says_so_in_a_line(tmp_path: Path) -> None:
    command = [sys.executable, str(ROOT / "tools/gpu_check.py")]
    env = environment(tmp_path, PYTHONPATH=str(ROOT / "src"))
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=300)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "gpu-check: no GPU here (neither CUDA nor MPS); run it on a machine that has one\n"
    assert not (tmp_path / "gpu-report.md").exists()
