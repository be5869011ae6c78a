"""distill.launch: two processes on the CPU (gloo) train as one does, on the same examples an update."""

import csv
import shutil
from pathlib import Path

import pytest

from conftest import ROOT
from training import train, workspace

pytestmark = pytest.mark.slow


def losses(folder: Path) -> list[float]:
    with (folder / "metrics/plots/train.tsv").open(newline="") as file:
        return [float(row["loss"]) for row in csv.DictReader(file, delimiter="\t")]


def test_two_processes_give_the_curve_of_one(tmp_path: Path) -> None:
    # Each process draws its own dropout, so it is off where the two are compared.
    one = workspace(tmp_path / "one", lora__dropout=0.0)
    two = workspace(tmp_path / "two", lora__dropout=0.0, devices="cpu-2")
    shutil.copytree(ROOT / "configs", two / "configs")
    train(one)
    train(two)
    assert len(losses(one)) == len(losses(two)) > 4
    assert losses(two) == pytest.approx(losses(one), rel=0.01)
    assert losses(two)[-1] < losses(two)[0]


def test_a_configuration_that_starts_no_processes_does_not_start_itself_for_ever(tmp_path: Path) -> None:
    folder = workspace(tmp_path, devices="mine")
    (folder / "configs/accelerate").mkdir(parents=True)
    (folder / "configs/accelerate/mine.yaml").write_text(
        'compute_environment: LOCAL_MACHINE\ndistributed_type: "NO"\nnum_machines: 1\nnum_processes: 1\n'
        'mixed_precision: "no"\nuse_cpu: true\n'
    )
    code, _, errors = train(folder, check=False)
    assert code == 1
    assert "error: configs/accelerate/mine.yaml: accelerate starts no distributed processes from it" in errors
