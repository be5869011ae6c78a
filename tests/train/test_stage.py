"""distill.train on a tiny student: what it writes, the same bytes twice, kills, bad input, several processes."""

import json
import platform
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from distill.common.errors import DistillError
from distill.train import checkpoint, stage
from repository import ROOT
from training import adapter_bytes, command, train, workspace

pytestmark = pytest.mark.slow


def figures(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "metrics/train.json").read_text())
    return found


def curve(folder: Path) -> list[list[str]]:
    return [line.split("\t") for line in (folder / "metrics/plots/train.tsv").read_text().splitlines()]


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = workspace(tmp_path_factory.mktemp("uninterrupted"), examples=9)
    train(folder)
    return folder


@pytest.fixture
def train_here(monkeypatch: pytest.MonkeyPatch) -> Callable[[Path], None]:
    """Run the stage in this process, which has loaded its libraries already."""

    def run(folder: Path) -> None:
        monkeypatch.chdir(folder)
        monkeypatch.setattr(sys, "argv", ["train"])
        stage.main()

    return run


def test_it_writes_adapter_metrics_and_curve(uninterrupted: Path) -> None:
    assert set(adapter_bytes(uninterrupted)) >= {
        "README.md", "adapter_config.json", "adapter_model.safetensors", "tokenizer.json", "tokenizer_config.json",
    }  # fmt: skip
    found = figures(uninterrupted)
    # 9 examples, 4 an update: 3 updates an epoch. r 16 on q, k, v, o of 2 layers, width 32, key heads of 16 in all:
    # 2 · 16 · ((32 + 32) + (32 + 16) + (32 + 16) + (32 + 32)).
    assert (found["examples"], found["epochs"], found["updates"]) == (9, 2, 6)
    assert found["trainable_parameters"] == 2 * 16 * (64 + 48 + 48 + 64)
    # "1 2 … n" is 2n - 1 tokens while numbers have one digit each, and the end of turn; n is 2 to 10 (two).
    assert found["trained_tokens"] == 2 * found["trained_tokens_an_epoch"] > 0
    header, *points = curve(uninterrupted)
    assert header == ["update", "split", "loss", "token_accuracy"]
    assert [(int(update), split) for update, split, *_ in points] == [
        (0, "val"), (1, "train"), (2, "train"), (3, "train"), (3, "val"),
        (4, "train"), (5, "train"), (6, "train"), (6, "val"),
    ]  # fmt: skip
    validation = [float(row[2]) for row in points if row[1] == "val"]
    assert found["val"]["loss"] == {"first": validation[0], "best": min(validation), "last": validation[-1]}
    assert validation[-1] < validation[0]


def test_a_run_replaces_an_adapter_and_leaves_nothing_beside_it(
    train_here: Callable[[Path], None], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = workspace(tmp_path)
    (folder / "models/distilled-student").mkdir(parents=True)
    (folder / "models/distilled-student/left.txt").write_text("of an older run")
    train_here(folder)
    # Said before the first update.
    first = capsys.readouterr().out.splitlines()[0]
    assert first.startswith("training on 1 × cpu, ")
    assert first.endswith(": less than a minute if the machine does nothing else")
    assert "left.txt" not in adapter_bytes(folder)
    assert [path.name for path in (folder / "models").iterdir()] == ["distilled-student"]


def test_the_adapter_names_the_student_and_no_machine(uninterrupted: Path) -> None:
    config = json.loads(adapter_bytes(uninterrupted)["adapter_config.json"])
    assert config["base_model_name_or_path"] == "tiny"
    assert config["target_modules"] == ["k_proj", "o_proj", "q_proj", "v_proj"]
    assert not any(str(uninterrupted).encode() in content for content in adapter_bytes(uninterrupted).values())


def test_a_fresh_process_writes_the_same_bytes(uninterrupted: Path, tmp_path: Path) -> None:
    again = workspace(tmp_path, examples=9)
    train(again, PYTHONHASHSEED="1")
    assert adapter_bytes(again) == adapter_bytes(uninterrupted)
    assert figures(again) == figures(uninterrupted)
    assert curve(again) == curve(uninterrupted)


# At the end of an epoch, and in one: a kill as soon as so many checkpoints were begun.
@pytest.mark.parametrize("after", [3, 5])
def test_a_killed_run_goes_on_and_ends_the_same(after: int, uninterrupted: Path, tmp_path: Path) -> None:
    folder = workspace(tmp_path, examples=9)
    process = command(folder)
    while not list(folder.glob(f".distill/checkpoints/*/checkpoint-{after}/complete")):
        assert process.poll() is None, process.communicate()[1]
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert not (folder / "models/distilled-student").exists()
    _, output, _ = train(folder)
    assert "resuming from checkpoint-" in output
    assert adapter_bytes(folder) == adapter_bytes(uninterrupted)
    assert figures(folder) == figures(uninterrupted)
    assert curve(folder) == curve(uninterrupted)
    assert not list(folder.glob(".distill/checkpoints/*"))


def killed(folder: Path, **env: str) -> None:
    process = begun(folder, **env)
    process.kill()
    process.communicate()


def begun(folder: Path, **env: str) -> "subprocess.Popen[str]":
    """Start a run, and return once it has a checkpoint."""
    process = command(folder, **env)
    while not list(folder.glob(".distill/checkpoints/*/checkpoint-1/complete")):
        assert process.poll() is None, process.communicate()[1]
        time.sleep(0.002)
    return process


@pytest.mark.timeout(1200)  # five trainings
def test_other_data_or_code_does_not_resume_from_the_checkpoint(tmp_path: Path) -> None:
    folder = workspace(tmp_path)
    # `python -m` looks into the folder where it starts first.
    package = Path(shutil.copytree(ROOT / "src/distill", folder / "distill"))
    killed(folder)
    # Of the modules, the first one runs as `__main__`; the second is imported.
    for path in (folder / "data/train.jsonl", package / "train/stage.py", package / "train/trainer.py"):
        content = path.read_bytes()
        path.write_bytes(b"".join(reversed(content.splitlines(True))) if path.suffix == ".jsonl" else content + b"#\n")
        _, output, _ = train(folder)
        assert "training on 1 × cpu" in output
        assert "resuming" not in output, path
        path.write_bytes(content)
    _, output, _ = train(folder)
    assert "resuming from checkpoint-" in output


@pytest.mark.parametrize("end", [signal.SIGCONT, signal.SIGKILL])
def test_of_two_same_runs_the_second_waits_and_goes_on_from_the_first(
    end: signal.Signals, uninterrupted: Path, tmp_path: Path
) -> None:
    one, two = (workspace(tmp_path / name, examples=9) for name in ("one", "two"))  # as `dvc exp run --queue` copies
    first = begun(one)
    first.send_signal(signal.SIGSTOP)
    try:
        second = command(two, DVC_ROOT=str(one))
        assert second.stdout is not None
        holder = f"process {first.pid} on {platform.node()}, in {one}"
        expected = f"the same training is running already ({holder}); waiting for it to end\n"
        assert second.stdout.readline() == expected
        last = max(checkpoint.step(mark.parent) for mark in one.glob(".distill/checkpoints/*/*/complete"))
    finally:
        first.send_signal(end)
        first.communicate()
    output, errors = second.communicate()
    assert second.returncode == 0, errors
    if end == signal.SIGCONT:
        assert "resuming from checkpoint-6: less than a minute" in output  # the last: nothing is trained again
        assert adapter_bytes(one) == adapter_bytes(uninterrupted)
    else:
        assert f"resuming from checkpoint-{last}: " in output
    assert adapter_bytes(two) == adapter_bytes(uninterrupted)
    assert figures(two) == figures(uninterrupted)
    assert curve(two) == curve(uninterrupted)
    assert not list(one.glob(".distill/checkpoints/*"))


def test_no_validation_data_is_no_validation(train_here: Callable[[Path], None], tmp_path: Path) -> None:
    folder = workspace(tmp_path, validation=0)
    train_here(folder)
    assert figures(folder)["val"] == {}
    assert {row[1] for row in curve(folder)[1:]} == {"train"}


@pytest.mark.parametrize(
    "changes",
    [
        {"lora__targets": "all-linear", "lora__rslora": True, "lora__init": "gaussian"},
        {"lora__dora": True, "lora__lr_ratio": 4.0, "schedule": "cosine"},
        {"dtype": "float32", "micro_batch": 2, "loss_on": "text"},
    ],
)
def test_options_train(changes: dict[str, Any], train_here: Callable[[Path], None], tmp_path: Path) -> None:
    folder = workspace(tmp_path, **changes)
    train_here(folder)
    validation = figures(folder)["val"]["loss"]
    assert validation["last"] < validation["first"]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"learning_rate": 0.0}, "train.learning_rate: input should be greater than 0"),
        ({"learning_rate": 1e30, "max_grad_norm": 1e30}, "lower train.learning_rate"),
        ({"devices": "moon"}, "train.devices: no file configs/accelerate/moon.yaml"),
    ],
)
def test_bad_input_is_one_line_and_leaves_the_old_adapter(changes: dict[str, Any], words: str, tmp_path: Path) -> None:
    folder = workspace(tmp_path, **changes)
    old = old_adapter(folder)
    code, _, errors = train(folder, check=False)
    assert code == 1
    assert "Traceback" not in errors
    message = [line for line in errors.splitlines() if line.startswith("error: ")]
    assert len(message) == 1
    assert words in message[0]
    assert old.read_text() == "old"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"learning_rate": 1e-45}, "weights did not change"),
        ({"lora__targets": ["nowhere"]}, "train.lora.targets: this student has no nowhere; choose among "),
        ({"quantization": "nf4"}, "train.quantization: needs a CUDA device"),
    ],
)
def test_what_is_found_late_leaves_the_old_adapter(
    changes: dict[str, Any], words: str, train_here: Callable[[Path], None], tmp_path: Path
) -> None:
    folder = workspace(tmp_path, **changes)
    old = old_adapter(folder)
    with pytest.raises(DistillError, match=words):
        train_here(folder)
    assert old.read_text() == "old"


def old_adapter(folder: Path) -> Path:
    """An adapter of an earlier run, as far as anybody looks at it."""
    old = folder / "models/distilled-student/adapter_config.json"
    old.parent.mkdir(parents=True)
    old.write_text("old")
    return old


def test_nothing_to_train_on(tmp_path: Path) -> None:
    folder = workspace(tmp_path, examples=0)
    code, _, errors = train(folder, check=False)
    assert code == 1
    assert errors.strip().splitlines()[-1].startswith("error: data/train.jsonl: no example to train on")
