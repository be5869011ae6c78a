"""`make gpu-check`: what this project could not try without a GPU, tried on this machine's; one file to attach.

The tests marked `gpu`, and the benches of training (tokens a second, share of the matrix-multiply peak, memory,
held-out loss against fp32) and of memory. All that they say goes into gpu-report.md, also where they fail.
Without a GPU it says so in a line, and ends with 1.
"""

import importlib.metadata
import platform
import subprocess
import sys
import time
from pathlib import Path

import torch

from distill.shared import device

REPORT = Path("gpu-report.md")
LIBRARIES = ("accelerate", "bitsandbytes", "peft", "torch", "transformers", "trl")
STEPS = {
    "Tests": ["-m", "pytest", "-n", "0", "-rA", "-m", "gpu", "tests/pipeline/test_gpu.py"],
    "Training": ["bench/train.py", "--kinds", "plain-masked", "train", "--examples", "0", "--epochs", "2"],
    "Memory": ["bench/memory.py"],
}


def main() -> int:
    """Run all steps, write the report, and return how many failed."""
    if not device.is_gpu():
        print("gpu-check: no GPU here (neither CUDA nor MPS); run it on a machine that has one", file=sys.stderr)
        return 1
    results = {title: run(title, words) for title, words in STEPS.items()}
    parts = [f"# GPU check\n\n{machine()}"]
    parts += [f"## {title}: {'passed' if code == 0 else f'FAILED ({code})'}, {seconds:.0f} s\n\n```\n{said}\n```"
              for title, (code, seconds, said) in results.items()]  # fmt: skip
    REPORT.write_text("\n\n".join(parts) + "\n", encoding="utf-8")
    print(f"{REPORT}: attach it to an issue")
    return sum(code != 0 for code, _, _ in results.values())


def run(title: str, words: list[str]) -> tuple[int, float, str]:
    """Run a step; return its status, how long it took, and all that it said."""
    print(f"gpu-check: {title.lower()} ...", flush=True)
    begin = time.monotonic()
    done = subprocess.run([sys.executable, *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return done.returncode, time.monotonic() - begin, done.stdout.strip()


def machine() -> str:
    """What the figures are of, in a list; no name of the machine or its user."""
    lines = [f"GPU: {name}" for name in names()]
    lines += [f"free memory: {device.free_memory() / 1e9:.1f} GB", f"multiplies bf16 itself: {device.has_bf16()}",
              f"`auto`: {device.dtype('auto')}", f"system: {platform.system()}, Python {platform.python_version()}",
              f"CUDA of PyTorch: {torch.version.cuda}"]  # fmt: skip
    lines += [f"{name}: {version(name)}" for name in LIBRARIES]
    return "\n".join(f"- {line}" for line in lines)


def names() -> list[str]:
    """The GPUs' names."""
    if device.kind() == "mps":
        return [f"MPS, {platform.machine()}"]
    return [torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())]


def version(name: str) -> str:
    """A library's version, or that it is missing."""
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"


if __name__ == "__main__":
    sys.exit(main())
