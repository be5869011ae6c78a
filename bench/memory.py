"""What generate and train take of memory, against what they say beforehand, on a random model of Qwen2.5-0.5B's shape.

    python bench/memory.py                         # all rows: some minutes on two cores
    python bench/memory.py --rows generate-bfloat16 train-bfloat16
    python bench/memory.py --answers 768     # as params.yaml has it

The model (494 M parameters, a vocabulary of 151,936) is made with random weights and saved as bf16, as the real one is;
its tokenizer is the selected student's. Each row is a process of its own:

- generate-<type>: the distilled side: likelihoods with the adapter beside the weights, then answers from merged ones.
- train-<type>, train-<type>-checkpointing: two updates on examples of `--length` tokens.
- train-bfloat16-lengths: eight updates on examples of a quarter of that up to all of it, no two as long, which is what
  real answers are like: each length has kernels of its own, and the allocator's memory gets into pieces.

Memory is the device's: on a GPU the most that was allocated; on a CPU the most pages that the process had of its own,
looked at every few milliseconds, less what the libraries take before anything is loaded. Pages of the weights' file are
not counted: the system takes them back when it needs them; where training computes from them, which it does in their
own type, bf16, the weights are added. `expected` is what the stage works out from the configuration before it loads
(distill.shared.memory), and `ratio` the peak over it, or for generate over weights and cache alone.
"""

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import threading
import warnings
from pathlib import Path
from typing import Any

ROWS = (
    "generate-float32", "generate-bfloat16", "train-float32", "train-bfloat16", "train-float32-checkpointing",
    "train-bfloat16-checkpointing", "train-bfloat16-lengths",
)  # fmt: skip
SHAPE = {
    "vocab_size": 151936, "hidden_size": 896, "intermediate_size": 4864, "num_hidden_layers": 24,
    "num_attention_heads": 14, "num_key_value_heads": 2, "tie_word_embeddings": True,
}  # fmt: skip
TINY = {"vocab_size": 50000, "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2,
        "num_attention_heads": 4, "num_key_value_heads": 2, "tie_word_embeddings": True}  # fmt: skip
PROMPT = 96
"""Tokens of a prompt, about as many as a held-out prompt has."""


def main() -> None:
    """Run all rows, or, as a child, one."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", nargs="+", choices=ROWS, default=ROWS, help="default: all")
    parser.add_argument("--prompts", type=int, default=48, help="that are answered (default: %(default)s)")
    parser.add_argument("--answers", type=int, default=384, help="tokens of an answer at most (default: %(default)s)")
    parser.add_argument("--length", type=int, default=1024, help="tokens of an example (default: %(default)s)")
    parser.add_argument("--tiny", action="store_true", help="a model of two layers, to try the bench itself")
    parser.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.child:
        row, folder = args.child
        print("RESULT " + json.dumps(measured(row, Path(folder), args)))
        return
    with tempfile.TemporaryDirectory() as folder:
        make_student(Path(folder), TINY if args.tiny else SHAPE)
        print(f"{'':29}{'weights':>9}{'cache':>9}{'expected':>10}{'peak':>9}{'ratio':>8}   (GB)", flush=True)
        for row in args.rows:
            found = start(row, folder, sys.argv[1:])
            of = found["weights"] + found["cache"] if row.startswith("generate") else found["expected"]
            print(f"{row:29}{found['weights']:9.2f}{found['cache']:9.2f}{found['expected']:10.2f}{found['peak']:9.2f}"
                  f"{found['peak'] / of:8.2f}", flush=True)  # fmt: skip


def make_student(folder: Path, shape: dict[str, Any]) -> None:
    """Save a model of this shape with random weights, the selected student's tokenizer, and an adapter."""
    import torch
    import transformers
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM, Qwen2Config

    from distill.common.config import profile, section
    from distill.student.model import StudentProfile, load_tokenizer
    from distill.train.params import TrainParams

    warnings.simplefilter("ignore")  # PEFT asks transformers for something by an old name
    tokenizer = load_tokenizer(profile(StudentProfile, "student")[1])
    tokenizer.save_pretrained(folder)
    torch.manual_seed(0)
    transformers.logging.disable_progress_bar()
    config = Qwen2Config(**shape, eos_token_id=tokenizer.eos_token_id, bos_token_id=None)
    model = AutoModelForCausalLM.from_config(config, dtype=torch.bfloat16)
    model.save_pretrained(folder)
    lora = section(TrainParams, "train").lora
    adapted = get_peft_model(model, LoraConfig(task_type="CAUSAL_LM", r=lora.r, lora_alpha=lora.alpha,
                                               target_modules=list(lora.targets)))  # fmt: skip
    adapted.peft_config["default"].base_model_name_or_path = student(folder).identity
    adapted.save_pretrained(folder / "adapter", save_embedding_layers=False)


def student(folder: Path) -> Any:
    """The profile of what `make_student` saved."""
    from distill.student.model import StudentProfile

    return StudentProfile(source="dir", name=str(folder), base_model="random", license="none")


def start(row: str, folder: str, options: list[str]) -> dict[str, float]:
    """Measure a row in a process of its own."""
    command = [sys.executable, __file__, *options, "--child", row, folder]
    done = subprocess.run(command, capture_output=True, text=True)
    lines = [line for line in done.stdout.splitlines() if line.startswith("RESULT ")]
    if done.returncode or not lines:
        sys.exit(f"{row} failed:\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}")
    found: dict[str, float] = json.loads(lines[0].removeprefix("RESULT "))
    return found


def measured(row: str, folder: Path, args: argparse.Namespace) -> dict[str, float]:
    """Run a row in this process; return gigabytes."""
    import transformers.models.qwen2.modeling_qwen2  # noqa: F401

    # What the libraries take is no part of the figures.
    import distill.generate.measure
    import distill.train.run  # noqa: F401
    from distill.shared import device

    kind, dtype, *more = row.split("-")
    with Watch() as watch:
        run = generate if kind == "generate" else train
        weights, cache, expected = run(folder, dtype, "".join(more), args)
    mapped = weights if kind == "train" and dtype == "bfloat16" else 0
    peak = device.peak_memory() if device.is_gpu() else watch.most - watch.before + mapped
    return {name: value / 1e9 for name, value in
            {"weights": weights, "cache": cache, "expected": expected, "peak": peak}.items()}  # fmt: skip


class Watch:
    """Looks again and again, in a thread, how many bytes of pages the process has of its own."""

    def __enter__(self) -> "Watch":
        self.before = self.most = self.now()
        self.over = threading.Event()
        self.thread = threading.Thread(target=self.look)
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        self.thread.join()

    def look(self) -> None:
        """Keep the largest number, until it is over."""
        while not self.over.wait(0.003):
            self.most = max(self.most, self.now())

    def now(self) -> int:
        """Bytes; what is shared with a file is told apart on Linux alone."""
        import psutil

        found = psutil.Process().memory_info()
        return int(found.rss - getattr(found, "shared", 0))


def generate(folder: Path, dtype: str, _: str, args: argparse.Namespace) -> tuple[float, float, float]:
    """Score and answer random prompts; return bytes of weights, of the cache, and what was expected of all."""
    from distill.generate.cache import Store
    from distill.generate.decode import Decoding
    from distill.generate.measure import Measurement, measure
    from distill.generate.questions import Question
    from distill.student.chat import Encoded
    from distill.student.model import load_tokenizer

    draw = random.Random(0)
    prompts = [tuple(draw.choices(range(100, 40000), k=PROMPT)) for _ in range(args.prompts)]
    answers = [tuple(draw.choices(range(100, 40000), k=args.length - PROMPT)) for _ in prompts[:4]]
    examples = [Encoded(prompt + answer, PROMPT) for prompt, answer in zip(prompts, answers, strict=False)]
    questions = [Question(prompt, 1, examples[index] if index < 4 else None) for index, prompt in enumerate(prompts)]
    decoding = Decoding(args.answers, samples=0, temperature=1.0, seed=0, batch_tokens=49152)
    profile = student(folder)
    job = Measurement(profile, folder / "adapter", load_tokenizer(profile), questions, decoding, dtype, 4096)
    os.chdir(folder)
    with Store(f"bench-{dtype}") as store:
        list(measure(job, store))
    size, wide = job.plan.size, job.plan.dtype
    return size.weights(wide), size.cache(args.prompts * (PROMPT + args.answers), wide), job.plan.need()


def train(folder: Path, dtype: str, how: str, args: argparse.Namespace) -> tuple[float, float, float]:
    """Make some updates of two examples; return bytes of weights, of no cache, and what was expected of all."""
    from distill.common.config import section
    from distill.shared.memory import Size
    from distill.student.model import load_config, load_tokenizer
    from distill.train import run as fitting
    from distill.train.data import Examples, Tokens
    from distill.train.memory import Plan
    from distill.train.params import TrainingRun, TrainParams
    from distill.train.setup import choose

    changes = {"dtype": dtype, "gradient_checkpointing": how == "checkpointing", "epochs": 1, "batch_size": 2,
               "compile": False}  # fmt: skip
    params = section(TrainParams, "train").model_copy(update=changes)
    draw = random.Random(0)
    lengths = [args.length * share // 64 for share in range(64, 16, -3)] if how == "lengths" else [args.length] * 4
    rows = [tuple(draw.choices(range(100, 40000), k=length)) for length in lengths]
    examples = [Tokens(ids, (-100,) * PROMPT + ids[PROMPT:]) for ids in rows]
    profile = student(folder)
    job = TrainingRun(params, profile, load_tokenizer(profile), Examples(examples), Examples([]))
    os.chdir(folder)
    fitting.fit(job, (), folder / "trained")
    size = Size.of(load_config(profile))
    plan = Plan(job, choose(params, size.parameters, sum(lengths)), size, nf4=False)
    return size.weights(plan.setup.dtype), 0.0, plan.need()


if __name__ == "__main__":
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    main()
