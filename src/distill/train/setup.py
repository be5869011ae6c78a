"""How a run computes on this machine: type of the weights, batches, compilation, checkpointing of activations.

`auto` chooses what was measured to be fastest: bf16 weights only where the processor multiplies them faster than fp32,
one unpadded example for each forward pass on a CPU, compiled layers only if the run is long enough to benefit.
"""

import os
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from distill.common.errors import InputError
from distill.shared import device

if TYPE_CHECKING:
    from distill.train.params import TrainParams

# Compiling takes 10 to 30 s and saves about a third of the time: it pays above so many parameters times tokens.
COMPILE_PAYS = 1.5e13
# On a GPU, with more parameters than this, activations are recomputed in the backward pass instead of stored.
CHECKPOINTING_PAYS = 1e9


@dataclass(frozen=True)
class Setup:
    """How a run computes."""

    device: str  # its kind
    dtype: torch.dtype  # of the frozen weights
    processes: int
    micro_batch: int  # examples a forward pass and process
    accumulation: int  # forward passes an update and process
    compile: bool  # decoder layers and head, on a CPU
    checkpointing: bool  # activations are recomputed instead of stored
    packing: bool = False  # the examples of a forward pass are one sequence without padding (TRL's padding_free)

    def describe(self) -> str:
        """Return one line for the log, which is also part of the checkpoint's key."""
        kind = str(self.dtype).removeprefix("torch.")
        words = [f"{self.processes} × {self.device}", kind, f"{self.micro_batch} example(s) a forward pass"]
        words += [name for name in ("compile", "checkpointing", "packing") if getattr(self, name)]
        return ", ".join(words)


def choose(params: "TrainParams", parameters: int, tokens: int) -> Setup:
    """Return the setup on this machine for a model with so many parameters and training data of so many tokens.

    Raises:
        InputError: The batch cannot be divided among the processes.
    """
    gpu = device.is_gpu()
    processes = int(os.environ.get("WORLD_SIZE", "1"))
    if params.batch_size % processes:
        raise InputError(f"params.yaml: train.batch_size: {params.batch_size} examples cannot be divided evenly "
                         f"among {processes} processes; choose a multiple")  # fmt: skip
    share = params.batch_size // processes
    micro = params.micro_batch or (next(n for n in (4, 2, 1) if share % n == 0) if gpu else 1)
    if share % micro:
        raise InputError(f"params.yaml: train.micro_batch: {micro} does not divide {share}, a process's share of "
                         "train.batch_size; choose a divisor")  # fmt: skip
    dtype = device.dtype(params.dtype)
    return Setup(
        device=device.kind(),
        dtype=dtype,
        processes=processes,
        micro_batch=micro,
        accumulation=share // micro,
        compile=not gpu and _compile(params, parameters * tokens * params.epochs / processes),
        checkpointing=_or(params.gradient_checkpointing, gpu and parameters > CHECKPOINTING_PAYS),
        packing=micro > 1 and device.has_flash_attention(dtype),
    )


def _compile(params: "TrainParams", work: float) -> bool:
    compiler = any(shutil.which(name) for name in (os.environ.get("CXX", "g++"), "clang++"))
    if params.compile is True and not compiler:
        raise InputError("params.yaml: train.compile: no C++ compiler found; install g++, or set it to auto")
    return _or(params.compile, work > COMPILE_PAYS) and compiler


def _or(choice: "bool | str", automatic: bool) -> bool:
    return automatic if isinstance(choice, str) else choice
