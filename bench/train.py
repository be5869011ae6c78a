"""This project's `train` against the plain script, on the same examples and seed: speed, memory, loss.

    python bench/train.py                  # a few minutes: 16 examples, 2 epochs
    python bench/train.py --examples 0 --epochs 5   # all examples, as params.yaml has it
    python bench/train.py --without-bf16   # as on a machine whose processor multiplies fp32 alone, 8 floats at a time

Each run is a process of its own, one after another, with the same LoRA, optimiser, batches of 8 and learning rate:

- plain: the reference script as it is written: fp32 weights, TRL's SFTTrainer, 2 padded examples a forward pass and
  4 passes an update, loss on the whole text. (TRL's gradient checkpointing, which it turns on by itself, is off: the
  script was written for a version without, and it would be slower with it.)
- plain-masked: the same with the loss on the answer alone: the fp32 loss to be compared with.
- train: `distill.train`, whatever `auto` chooses on this machine.

Real tokens (padding not counted) per second of the training loop alone, validation, loading and, for `train`, the
first update's compilation left out; the whole loop is printed beside it. Memory is the process's peak resident set, on
a GPU the most that was allocated there. The held-out loss is that of the answers in data/val.jsonl, measured for all
alike: the saved adapter on fp32 weights.
The peak is measured for the types that the machine is fast at, and no others: bf16 without instructions for it would
take minutes a product. `--without-bf16` pretends such a machine: PyTorch and oneDNN use AVX2 and nothing newer.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

KINDS = ("plain", "plain-masked", "train")
AVX2 = {"ATEN_CPU_CAPABILITY": "avx2", "ONEDNN_MAX_CPU_ISA": "AVX2", "MKL_ENABLE_INSTRUCTIONS": "AVX2"}


def main() -> None:
    """Run all kinds, or, as a child, one."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--examples", type=int, default=16, help="training examples; 0: all (default: %(default)s)")
    parser.add_argument("--epochs", type=int, default=2, help="default: %(default)s")
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=KINDS, help="default: all")
    parser.add_argument("--without-bf16", action="store_true", help="as on a processor with AVX2 and nothing newer")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.without_bf16:
        pretend_avx2()
    if args.child:
        print("RESULT " + json.dumps(run(args.child, args.examples, args.epochs)))
        return
    peak = peaks()
    print("large matrix products: " + ", ".join(f"{name} {value / 1e9:.0f} GFLOP/s" for name, value in peak.items()))
    results = {kind: start(kind, args) for kind in args.kinds}
    report(results, peak)


def pretend_avx2() -> None:
    """Go on, and start others, as on a processor with AVX2; libraries read the environment when they are loaded."""
    if not os.environ.keys() >= AVX2.keys():
        os.execve(sys.executable, [sys.executable, *sys.argv], os.environ | AVX2)  # noqa: S606
    import torch

    capabilities = {name: found for name, found in torch.cpu.get_capabilities().items() if "512" not in name}
    without = {name: found for name, found in capabilities.items() if "amx" not in name}
    setattr(torch.cpu, "get_capabilities", lambda: without)  # noqa: B010 (the type checker knows it as it was)


def peaks() -> dict[str, float]:
    """Operations per second of a large matrix product, for the types that the machine is fast at."""
    import torch

    from distill.shared import device as machine

    types = [torch.float32, torch.bfloat16] if machine.has_bf16() else [torch.float32]
    size = 8192 if machine.is_gpu() else 2048
    return {str(dtype).removeprefix("torch."): machine.speed(dtype, size, seconds=1) for dtype in types}


def start(kind: str, args: argparse.Namespace) -> dict[str, Any]:
    """Run one kind in a process of its own."""
    options = ["--child", kind, f"--examples={args.examples}", f"--epochs={args.epochs}"]
    options += ["--without-bf16"] if args.without_bf16 else []
    done = subprocess.run([sys.executable, __file__, *options], capture_output=True, text=True)
    lines = [line for line in done.stdout.splitlines() if line.startswith("RESULT ")]
    if done.returncode or not lines:
        sys.exit(f"{kind} failed:\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}")
    result: dict[str, Any] = json.loads(lines[0].removeprefix("RESULT "))
    print(f"{kind}: {result['tokens_per_s']:.0f} tokens/s, {result['memory_mb']:.0f} MB", flush=True)
    return result


def report(results: dict[str, dict[str, Any]], peak: dict[str, float]) -> None:
    """Print the comparison and the curves."""
    print(f"\n{'':14}tokens/s  whole loop  share of peak  memory MB  updates  held-out loss (base → trained)")
    for kind, r in results.items():
        share = f"{r['tokens_per_s'] * r['flops_a_token'] / peak[r['dtype']]:.0%}" if r["dtype"] in peak else "-"
        print(f"{kind:14}{r['tokens_per_s']:8.0f}{r['whole']:12.0f}{share:>14}{r['memory_mb']:11.0f}{r['updates']:9}"
              f"  {r['base']:.4f} → {r['held_out']:.4f}")  # fmt: skip
    if {"plain", "train"} <= results.keys():
        plain, ours = results["plain"], results["train"]
        print(f"\ntrain / plain: {ours['tokens_per_s'] / plain['tokens_per_s']:.2f} × the tokens per second, "
              f"{ours['memory_mb'] / plain['memory_mb']:.2f} × the memory")  # fmt: skip
    if {"plain-masked", "train"} <= results.keys():
        print(f"held-out loss, train against plain-masked: "
              f"{results['train']['held_out'] / results['plain-masked']['held_out'] - 1:+.2%}")  # fmt: skip
    for kind, r in results.items():
        print(f"{kind} training loss: " + " ".join(f"{value:.3f}" for value in r["losses"]))


def run(kind: str, examples: int, epochs: int) -> dict[str, Any]:
    """Train in this process, and return what was measured."""
    import torch

    from distill.common.config import profile, section
    from distill.shared import device as machine
    from distill.student.model import StudentProfile, load_model, load_tokenizer
    from distill.train import lora
    from distill.train.data import Examples, read_examples
    from distill.train.params import TrainingRun, TrainParams
    from distill.train.stage import TRAIN, read_data

    params = section(TrainParams, "train").model_copy(update={"epochs": epochs})
    _, student = profile(StudentProfile, "student")
    tokenizer = load_tokenizer(student)
    training, validation = read_data(tokenizer, "completion")
    if kind == "plain":
        training = read_examples(TRAIN, tokenizer, "text")
    training = Examples(training[: examples or None])
    job = TrainingRun(params, student, tokenizer, training, validation)
    dtype = machine.dtype(params.dtype) if kind == "train" else torch.float32
    torch.manual_seed(params.seed)
    model = lora.add(load_model(student, dtype), params.lora)
    with tempfile.TemporaryDirectory() as folder:
        trainer = (ours if kind == "train" else plain)(job, model, Path(folder))
        clock = Clock(trainer)
        trainer.train()
        memory = machine.peak_memory() / 2**20
        lora.save(model, lora.gather(model), Path(folder) / "adapter", student)
        base, held_out = held_out_loss(student, Path(folder) / "adapter", validation)
    tokens = epochs * training.tokens
    first = sum(clock.first_batch)
    return {
        "dtype": str(dtype).removeprefix("torch."),
        "tokens_per_s": (tokens - first) / clock.after_first(),
        "whole": tokens / clock.whole(),
        "flops_a_token": flops_a_token(model, tokens / (epochs * len(training))),
        "memory_mb": memory,
        "updates": trainer.state.global_step,
        "losses": [entry["loss"] for entry in trainer.state.log_history if "loss" in entry],
        "base": base,
        "held_out": held_out,
    }


def ours(job: Any, model: Any, folder: Path) -> Any:
    """This project's trainer, without validation, as `train` makes it."""
    from dataclasses import replace

    from distill.train import run as fitting
    from distill.train import setup, trainer
    from distill.train.data import Examples

    fitting.quiet()
    tokens = max(job.training.tokens, 100_000)  # as a run of the usual length
    full = setup.choose(job.params, model.num_parameters(), tokens)
    print(full.describe())
    job = replace(job, validation=Examples([]))
    return trainer.build(job, full, model, trainer.arguments(job, full, folder), resume=False)


def plain(job: Any, model: Any, folder: Path) -> Any:
    """The reference script's trainer. `job` has the labels that make it plain or plain-masked."""
    import datasets
    from trl import SFTConfig, SFTTrainer

    from distill.shared import device as machine

    datasets.disable_caching()  # what it cuts off is not kept beside the data
    params = job.params
    return SFTTrainer(
        model=model,
        processing_class=job.tokenizer,
        train_dataset=job.training.dataset,
        args=SFTConfig(
            output_dir=str(folder), num_train_epochs=params.epochs, per_device_train_batch_size=2,
            gradient_accumulation_steps=4, learning_rate=params.learning_rate, weight_decay=params.weight_decay,
            warmup_steps=params.warmup_share, max_length=1024, seed=params.seed, data_seed=params.seed,
            bf16=False, use_cpu=not machine.is_gpu(), gradient_checkpointing=False, logging_steps=1, save_strategy="no",
            report_to="none", disable_tqdm=True,
        ),
    )  # fmt: skip


class Clock:
    """Times of the first update's end and of the last's."""

    def __init__(self, trainer: Any) -> None:
        from transformers import TrainerCallback

        clock = self
        self.times: list[float] = []
        self.first_batch: list[int] = []
        original = trainer.training_step

        def step(model: Any, inputs: dict[str, Any], *more: Any) -> Any:
            if len(clock.times) == 1:  # the first update is not over
                clock.first_batch.append(int(inputs["attention_mask"].sum()))
            return original(model, inputs, *more)

        class Times(TrainerCallback):  # type: ignore[misc]
            def on_train_begin(self, *_: Any, **__: Any) -> None:
                clock.times.append(time.perf_counter())

            def on_step_end(self, *_: Any, **__: Any) -> None:
                clock.times.append(time.perf_counter())

        trainer.training_step = step
        trainer.add_callback(Times())

    def whole(self) -> float:
        """Seconds of all updates."""
        return self.times[-1] - self.times[0]

    def after_first(self) -> float:
        """Seconds of all updates but the first."""
        return self.times[-1] - self.times[1]


def held_out_loss(student: Any, folder: Path, validation: Sequence[Any]) -> tuple[float, float]:
    """Mean negative log-likelihood of the validation answers before and after, on fp32 weights."""
    import torch

    from distill.generate import likelihood
    from distill.generate.models import SIDES, as_side, load
    from distill.student.chat import Encoded
    from distill.train.data import IGNORED

    encoded = [Encoded(example.ids, example.labels.count(IGNORED)) for example in validation]
    model = load(student, folder, torch.float32)
    found = []
    for side in SIDES:
        with as_side(model, side):
            scores = likelihood.score(model, encoded, 4096)
        found.append(sum(s.nll for s in scores) / sum(s.tokens for s in scores))
    return found[0], found[1]


def flops_a_token(model: Any, length: float) -> float:
    """Floating-point operations of a training token, forward and backward: two passes over every weight matrix (none
    for the gradients of frozen weights, LoRA's own are left out), and the causal half of attention, three and a half
    times its forward pass's."""
    config = model.config
    matrices = sum(p.numel() for name, p in model.named_parameters() if p.dim() == 2 and "lora_" not in name)
    head = 0 if config.tie_word_embeddings else -config.vocab_size * config.hidden_size  # the embedding is no product
    width = config.num_attention_heads * getattr(config, "head_dim", config.hidden_size // config.num_attention_heads)
    attention = 2 * 2 * width * length / 2 * 3.5 * config.num_hidden_layers
    return float(2 * 2 * (matrices + head) + attention)


if __name__ == "__main__":
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    main()
