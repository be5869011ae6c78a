"""distill.train.launch: two processes on the CPU (gloo) train as one does, on the same examples an update.

FSDP as well, with the settings of gpus-fsdp: accelerate keeps it from CPUs, and `ON_CPUS` lets it.
"""

import csv
import os
import shutil
import time
from pathlib import Path

import pytest
import torch
import yaml
from filelock import FileLock
from safetensors.torch import load_file

from distill.common.config import parse
from distill.student.model import StudentProfile
from distill.train import trainer
from distill.train.data import Examples
from distill.train.params import TrainingRun, TrainParams
from distill.train.setup import Setup
from repository import ROOT
from training import adapter_bytes, command, params, train, workspace

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("launch")]

ON_CPUS = """
import os

if os.environ.get("ACCELERATE_USE_FSDP") == "true" and "RANK" in os.environ:
    from accelerate import state
    from accelerate.utils import DistributedType

    original = state.AcceleratorState.__init__

    def init(self, *args, fsdp_plugin=None, **kwargs):
        original(self, *args, fsdp_plugin=fsdp_plugin, **kwargs)
        if fsdp_plugin is not None and self.distributed_type == DistributedType.MULTI_CPU:
            self.distributed_type = state.PartialState._shared_state["distributed_type"] = DistributedType.FSDP
            self.fsdp_plugin = fsdp_plugin
            print("weights are shared out")

    state.AcceleratorState.__init__ = init
"""


def prepare(folder: Path, devices: str) -> Path:
    """A folder to train in; each process draws its own dropout, so it is off where runs are compared."""
    # 3 validation examples: two processes get unequal shares.
    workspace(folder, validation=3, lora__dropout=0.0, dtype="float32", devices=devices)
    shutil.copytree(ROOT / "configs", folder / "configs")
    config = yaml.safe_load((ROOT / "configs/accelerate/gpus-fsdp.yaml").read_text())
    config |= {"main_process_ip": "127.0.0.1", "main_process_port": 0}
    (folder / "configs/accelerate/cpu-fsdp.yaml").write_text(yaml.safe_dump(config))
    (folder / "site").mkdir()
    (folder / "site/sitecustomize.py").write_text(ON_CPUS)
    return folder


def path(folder: Path) -> str:
    return os.pathsep.join(map(str, (ROOT / "src", folder / "site")))


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Folders of runs that nobody stopped, by `devices`."""
    folders = {}
    for devices in ("single", "cpu-2", "cpu-fsdp"):
        folders[devices] = prepare(tmp_path_factory.mktemp("finished") / devices, devices)
        _, output, _ = train(folders[devices], PYTHONPATH=path(folders[devices]))
        assert ("weights are shared out" in output) == (devices == "cpu-fsdp")
    return folders


def losses(folder: Path) -> list[float]:
    with (folder / "metrics/plots/train.tsv").open(newline="") as file:
        return [float(row["loss"]) for row in csv.DictReader(file, delimiter="\t")]


@pytest.mark.parametrize("devices", ["cpu-2", "cpu-fsdp"])
def test_two_processes_give_the_curve_and_the_adapter_of_one(devices: str, finished: dict[str, Path]) -> None:
    one, two = losses(finished["single"]), losses(finished[devices])
    assert len(one) == len(two) > 4
    assert two == pytest.approx(one, rel=1e-4)
    assert two[-1] < two[0]
    weights = "models/distilled-student/adapter_model.safetensors"
    expected, found = load_file(finished["single"] / weights), load_file(finished[devices] / weights)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-3)  # weights up to 0.2


@pytest.mark.parametrize("devices", ["cpu-2", "cpu-fsdp"])
def test_a_killed_run_of_two_processes_goes_on(devices: str, finished: dict[str, Path], tmp_path: Path) -> None:
    folder = prepare(tmp_path / "killed", devices)
    process = command(folder, PYTHONPATH=path(folder))
    while not (marks := list(folder.glob(".distill/checkpoints/*/checkpoint-1/complete"))):
        assert process.poll() is None, process.communicate()[1]
        time.sleep(0.002)
    written = {file.name for file in marks[0].parent.iterdir()}
    process.terminate()  # and not by SIGKILL: the launcher has to end the processes that it started
    process.communicate()
    assert written >= {"rng_state_0.pth", "rng_state_1.pth"}
    assert not (folder / "models/distilled-student").exists()
    place = marks[0].parents[1]
    (place / "checkpoint-99").mkdir()  # begun, and never finished: both processes see it
    with FileLock(f"{place}.running"):  # the same run in another process, say
        process = command(folder, PYTHONPATH=path(folder))
        assert process.stdout is not None
        while "waiting for it to end" not in (line := process.stdout.readline()):
            assert line, process.communicate()[1]
    output, errors = process.communicate()
    assert process.returncode == 0, errors
    assert "resuming from checkpoint-" in output
    assert losses(folder) == losses(finished[devices])
    assert adapter_bytes(folder) == adapter_bytes(finished[devices])
    assert not list(folder.glob(".distill/checkpoints/*"))


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


@pytest.mark.filterwarnings("ignore:`gradient_checkpointing` is deprecated")
def test_single_is_one_device_where_there_are_several(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class FourGpus(trainer.SFTConfig):  # type: ignore[misc]
        def __post_init__(self) -> None:
            super().__post_init__()
            self._n_gpu = 4

    monkeypatch.setattr(trainer, "SFTConfig", FourGpus)
    section = parse(TrainParams, params(), "params.yaml")
    student = StudentProfile(source="dir", name="x", base_model="x", license="x")
    run = TrainingRun(section, student, None, Examples([]), Examples([]))
    setup = Setup("cpu", torch.float32, 1, 2, 2, False, False)
    options = trainer.arguments(run, setup, tmp_path)
    assert options.n_gpu == 1
    assert options.train_batch_size == 2  # and not 8: the examples of a forward pass
