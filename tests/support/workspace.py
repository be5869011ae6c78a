"""A copy of the repository with a tiny student and a few prompts, in which the real dvc runs the real stages."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from repository import ROOT, SECRETS

SMALL: dict[str, Any] = {
    "student": "tiny",
    "expand_prompts.modifiers": [],
    "expand_prompts.max_train_bases": 6,
    "expand_prompts.max_heldout": 3,
    "format.val_share": 0.3,
    "train.epochs": 1,
    "generate.max_new_tokens": 16,
}


def environment(home: Path, **more: str) -> dict[str, str]:
    """The environment of a person without keys, with a home and caches of their own; `python` runs the tests."""
    others = {*SECRETS, "HF_HOME", "HF_HUB_CACHE", "PYTHONPATH"}
    clean = {key: value for key, value in os.environ.items() if key not in others}
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    own = {"HOME": str(home), "XDG_CACHE_HOME": str(home / ".cache")}
    return clean | own | {"PATH": path, "HF_HUB_OFFLINE": "1", "GIT_CONFIG_NOSYSTEM": "1"} | more


def run(folder: Path, *command: str, check: bool = True, **env: str) -> subprocess.CompletedProcess[str]:
    """Run a command in `folder`, its output captured; a failure shows all of it."""
    home = folder.parent / "home"
    home.mkdir(exist_ok=True)
    result = subprocess.run(command, cwd=folder, env=environment(home, **env), capture_output=True, text=True)
    if check and result.returncode != 0:
        raise AssertionError(f"{' '.join(command)} ended with {result.returncode}\n{result.stdout}\n{result.stderr}")
    return result


def git(folder: Path, *words: str) -> str:
    """Run git as somebody who has set a name."""
    return run(folder, "git", "-c", "user.name=test", "-c", "user.email=test@example.org", *words).stdout


def dvc(folder: Path, *words: str, check: bool = True, **env: str) -> subprocess.CompletedProcess[str]:
    """Run the real dvc."""
    return run(folder, sys.executable, "-m", "dvc", *words, check=check, **env)


def repro(folder: Path, *words: str, **env: str) -> list[str]:
    """Run `dvc repro`, and return the names of the stages that ran."""
    return re.findall(r"^Running stage '([^']+)'", dvc(folder, "repro", *words, **env).stdout, flags=re.MULTILINE)


def set_params(folder: Path, values: Mapping[str, Any]) -> None:
    """Set dotted keys of params.yaml, as `dvc exp run -S` would."""
    path = folder / "params.yaml"
    params = yaml.safe_load(path.read_text(encoding="utf-8"))
    for key, value in values.items():
        *parents, last = key.split(".")
        node = params
        for name in parents:
            node = node[name]
        node[last] = value
    path.write_text(yaml.safe_dump(params, sort_keys=False, allow_unicode=True), encoding="utf-8")


def copy_repository(folder: Path) -> Path:
    """Copy what Git tracks, or would, into `folder`, as a repository of its own with one commit."""
    names = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "-z"], cwd=ROOT, capture_output=True, check=True
    ).stdout.decode()
    for name in filter(None, names.split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, folder / name)
    (folder / "dvc.lock").unlink(missing_ok=True)
    for path in [*(folder / "metrics").glob("*.json"), folder / "metrics/plots/train.tsv"]:
        path.unlink(missing_ok=True)
    git(folder, "init", "-q", "-b", "main")
    return folder


def clone(folder: Path, to: Path) -> Path:
    """A colleague's fresh clone."""
    run(folder, "git", "clone", "-q", str(folder), str(to))
    return to


def commit(folder: Path, message: str = "change") -> None:
    """Commit everything that Git would track."""
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", message)


def make_student(folder: Path, seed: int = 0, layers: int = 2, kind: str = "Llama") -> None:
    """Save a randomly initialised model with the embedded student's tokenizer, as a Hugging Face directory."""
    import torch
    import transformers

    from distill.common.config import profile
    from distill.student.model import StudentProfile, load_tokenizer

    tokenizer = load_tokenizer(profile(StudentProfile, "student", ROOT / "params.yaml")[1])
    torch.manual_seed(seed)
    config = getattr(transformers, f"{kind}Config")(
        vocab_size=len(tokenizer), hidden_size=32, intermediate_size=64, num_hidden_layers=layers,
        num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=2048, tie_word_embeddings=True,
        eos_token_id=tokenizer.eos_token_id, bos_token_id=tokenizer.bos_token_id, pad_token_id=tokenizer.pad_token_id,
    )  # fmt: skip
    getattr(transformers, f"{kind}ForCausalLM")(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def make_workspace(folder: Path) -> Path:
    """A copy of the repository that is set up for a run of seconds: students `tiny` and `tiny-2`, six prompts."""
    copy_repository(folder)
    params = yaml.safe_load((folder / "params.yaml").read_text(encoding="utf-8"))
    for number, name in enumerate(("tiny", "tiny-2")):
        make_student(folder.parent / name, seed=number)
        params["students"][name] = {
            "source": "dir", "name": str(folder.parent / name), "base_model": name, "license": "apache-2.0",
        }  # fmt: skip
    (folder / "params.yaml").write_text(yaml.safe_dump(params, sort_keys=False), encoding="utf-8")
    set_params(folder, SMALL)
    commit(folder, "a small workspace")
    return folder


def load(path: Path) -> Any:
    """The JSON that a file holds."""
    return json.loads(path.read_text(encoding="utf-8"))
