"""A tiny student, a few hand-made examples, and runs of the real training on them."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

from distill.common.jsonl import write_jsonl
from distill.train.data import Tokens, to_labels
from repository import ROOT
from workspace import environment, make_student

QUICK: dict[str, Any] = {"epochs": 2, "batch_size": 4, "learning_rate": 0.01, "checkpoint_every": 1, "compile": False}


def params(**changes: Any) -> dict[str, Any]:
    """The section `train` of params.yaml, made quick, with changes; a dotted key `lora__r` reaches into `lora`."""
    section: dict[str, Any] = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))["train"] | QUICK
    for key, value in changes.items():
        outer, _, inner = key.partition("__")
        section = section | ({outer: section[outer] | {inner: value}} if inner else {outer: value})
    return section


def rows(count: int, start: int = 0) -> list[dict[str, Any]]:
    """Rows of train.jsonl, of different lengths, that a model can learn something from."""
    return [
        {
            "id": f"count-{number}",
            "prompt": [{"role": "user", "content": f"Count to {number}."}],
            "completion": [{"role": "assistant", "content": " ".join(str(n) for n in range(1, number + 3))}],
        }
        for number in range(start, start + count)
    ]


def workspace(folder: Path, examples: int = 6, validation: int = 2, **changes: Any) -> Path:
    """A folder in which `python -m distill.train` runs on the tiny student."""
    make_student(folder / "tiny")
    (folder / ".dvc").mkdir()
    everything = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    everything["students"]["tiny"] = {"source": "dir", "name": "tiny", "base_model": "tiny", "license": "apache-2.0"}
    everything |= {"student": "tiny", "train": params(**changes)}
    (folder / "params.yaml").write_text(yaml.safe_dump(everything), encoding="utf-8")
    write_jsonl(folder / "data/train.jsonl", rows(examples))
    write_jsonl(folder / "data/val.jsonl", rows(validation, start=50))
    return folder


def command(folder: Path, module: str = "distill.train", *words: str, **env: str) -> subprocess.Popen[str]:
    """Start a module in `folder` as a person does; one thread, so that tests beside each other do not wait."""
    full = environment(folder, **({"PYTHONPATH": str(ROOT / "src"), "OMP_NUM_THREADS": "1"} | env))
    return subprocess.Popen(
        [sys.executable, "-m", module, *words], cwd=folder, env=full, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


def train(folder: Path, check: bool = True, **env: str) -> tuple[int, str, str]:
    """Run the stage in `folder` to its end; return exit code, output and errors."""
    process = command(folder, **env)
    output, errors = process.communicate()
    if check and process.returncode:
        raise AssertionError(f"train ended with {process.returncode}\n{output}\n{errors}")
    return process.returncode, output, errors


def adapter_bytes(folder: Path) -> dict[str, bytes]:
    """Every file of the adapter's folder."""
    return {path.name: path.read_bytes() for path in sorted((folder / "models/distilled-student").iterdir())}


def tiny_config(**changes: Any) -> Any:
    """The configuration of a Llama with a vocabulary of 64."""
    from transformers import LlamaConfig

    return LlamaConfig(
        vocab_size=64, hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, max_position_embeddings=256, **changes,
    )  # fmt: skip


def tiny_model() -> Any:
    """A Llama with random weights, always the same ones."""
    import torch
    from transformers import LlamaForCausalLM

    torch.manual_seed(0)
    return LlamaForCausalLM(tiny_config())


def tokens(ids: list[int], prompt: int) -> Tokens:
    """An example whose first `prompt` ids are the prompt's."""
    return Tokens(tuple(ids), to_labels(ids, prompt, "completion"))


os.environ.setdefault("OMP_NUM_THREADS", "1")
