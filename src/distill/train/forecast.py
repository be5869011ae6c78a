"""How long a training run will take: a guess from what it has to multiply and how fast the machine multiplies.

It assumes that the machine does nothing else. Once the first updates are done, the progress bar knows better.
"""

from typing import TYPE_CHECKING

import torch

from distill.shared import device
from distill.train import checkpoint
from distill.train.setup import Setup

if TYPE_CHECKING:
    from distill.train.params import TrainingRun

SHARE = {torch.bfloat16: 0.4, torch.float32: 0.6}
"""Of the speed at large products, what a whole run reaches: the faster they are, the more everything else counts."""
COMPILATION_S = 40.0
"""Compiling the decoder layers and the head, where nothing of it is in the compiler's cache."""


def describe(run: "TrainingRun", setup: Setup, parameters: int, last: str | None) -> str:
    """Return how long the rest of a run takes, in words.

    Args:
        run: What is trained.
        setup: How.
        parameters: The model's, all of them.
        last: The checkpoint that it goes on from, if any.
    """
    speed = SHARE[setup.dtype] * device.speed(setup.dtype) * setup.processes
    left = work(run, setup, parameters, checkpoint.step(last) if last else 0)
    return words(left / speed + (COMPILATION_S if setup.compile and left else 0))


def work(run: "TrainingRun", setup: Setup, parameters: int, done: int) -> float:
    """Return the floating-point operations that are left after `done` updates.

    Two a weight and token for the forward pass, two for the gradients of what flows through it, none for those of
    frozen weights; two more where activations are computed again.
    """
    updates_an_epoch = -(-len(run.training) // run.params.batch_size)
    updates = updates_an_epoch * run.params.epochs
    left = 1 - done / updates
    validations = updates / (run.params.eval_every or updates_an_epoch) + 1
    trained = run.training.tokens * run.params.epochs * (6 if setup.checkpointing else 4)
    return parameters * left * (trained + 2 * run.validation.tokens * validations)


def words(seconds: float) -> str:
    """Return a duration as a person would say it."""
    if seconds < 60:
        return "less than a minute"
    minutes = round(seconds / 60)
    return f"about {minutes} minute{'s' * (minutes > 1)}" if minutes < 90 else f"about {seconds / 3600:.1f} hours"
