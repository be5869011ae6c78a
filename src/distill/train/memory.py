"""What a training run takes of the device's memory, and what a person can change about it (docs/students.md).

Counted are the frozen weights, the adapter with its gradients and AdamW's two moments, what the layers keep of one
forward pass for its backward pass, and a piece of the logits.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch

from distill.shared import device
from distill.shared.memory import Change, Size
from distill.train.params import TrainingRun
from distill.train.setup import Setup

COPIES = 4
"""Of the adapter: its values, their gradients, and the optimiser's two moments."""
PLACES = 256
"""Places whose logits are there at a time; forward and backward, in fp32."""
PIECES = 1.36
"""Times the activations, on a CPU that stores them: their sizes change all the time, and the C library's heap gets into
pieces (bench/memory.py). Where they are recomputed, what is freed is given back at once instead (`run`)."""


@dataclass(frozen=True)
class Plan:
    """A run, and how it computes; `nf4`: with the frozen weights in 4 bits."""

    run: TrainingRun
    setup: Setup
    size: Size
    nf4: bool

    def need(self) -> float:
        """Return the bytes that it takes on this process's device; on a CPU, with those of its fellows beside it."""
        lora, setup, size = self.run.params.lora, self.setup, self.size
        length = max(self.run.training.longest, self.run.validation.longest)
        tokens = setup.micro_batch * length
        kept = tokens * size.activations(setup.dtype, lora.targets, lora.r, length)
        if setup.checkpointing:  # each layer's input, and one layer's activations at a time
            kept = kept / size.layers + tokens * size.layers * size.width * setup.dtype.itemsize
        elif not device.is_gpu():
            kept *= PIECES
        trainable = sum(lora.r * (inputs + outputs) for inputs, outputs in size.targets(lora.targets))
        adapter = COPIES * trainable * (2 if self.nf4 else 4)  # TRL trains it in bf16 beside weights of 4 bits
        logits = 2 * PLACES * size.vocabulary * 4
        shards, fellows = 1, int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
        if device.is_gpu():  # each has a GPU of its own
            shards, fellows = setup.processes if os.environ.get("ACCELERATE_USE_FSDP") == "true" else 1, 1
        return fellows * (size.weights(setup.dtype, self.nf4) / shards + adapter + kept + logits)

    def changes(self) -> list[Change]:
        """Return what a person can change, the cheapest first, each on top of those before it."""
        return list(self._changes())

    def _changes(self) -> Iterator[Change]:
        plan = self
        if not plan.setup.checkpointing:
            plan = replace(plan, setup=replace(plan.setup, checkpointing=True))
            yield Change("train.gradient_checkpointing to true", plan.need())
        if plan.setup.micro_batch > 1:
            plan = replace(plan, setup=replace(plan.setup, micro_batch=1))
            yield Change("train.micro_batch to 1", plan.need())
        if plan.setup.dtype == torch.float32 and not plan.nf4:
            plan = replace(plan, setup=replace(plan.setup, dtype=torch.bfloat16))
            yield Change("train.dtype to bfloat16", plan.need())
        if device.can_quantize() and not plan.nf4:
            plan = replace(plan, nf4=True)
            yield Change("train.quantization to nf4", plan.need())
