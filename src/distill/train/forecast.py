"""How long a training run will take: an estimate from its number of operations and the machine's speed.

It assumes that the machine does nothing else. After the first updates, the progress bar is more accurate.
"""

from typing import TYPE_CHECKING

import torch

from distill.shared import device
from distill.train import checkpoint
from distill.train.setup import Setup

if TYPE_CHECKING:
    from distill.train.params import TrainingRun

SHARE = {torch.bfloat16: 0.4, torch.float32: 0.6}
"""The share of the speed of large matrix products that a whole run reaches: the faster these, the smaller it is."""
COMPILATION_S = 40.0
"""The time to compile the decoder layers and the head, with an empty compiler cache."""


def describe(run: "TrainingRun", setup: Setup, parameters: int, last: str | None) -> str:
    """Return how long the rest of a run takes, in words.

    Args:
        run: The run.
        setup: How it computes.
        parameters: The number of all the model's parameters.
        last: The checkpoint that it resumes from, if any.
    """
    speed = SHARE[setup.dtype] * device.speed(setup.dtype) * setup.processes
    left = work(run, setup, parameters, checkpoint.step(last) if last else 0)
    return words(left / speed + (COMPILATION_S if setup.compile and left else 0))


def work(run: "TrainingRun", setup: Setup, parameters: int, done: int) -> float:
    """Return the floating-point operations that are left after `done` updates.

    For each weight and token: two for the forward pass, two for the gradients of the activations, none for those of the
    frozen weights; two more where activations are recomputed.
    """
    updates_an_epoch = -(-len(run.training) // run.params.batch_size)
    updates = updates_an_epoch * run.params.epochs
    left = 1 - done / updates
    validations = updates / (run.params.eval_every or updates_an_epoch) + 1
    trained = run.training.tokens * run.params.epochs * (6 if setup.checkpointing else 4)
    return parameters * left * (trained + 2 * run.validation.tokens * validations)


def words(seconds: float) -> str:
    """Return a duration in words."""
    if seconds < 60:
        return "less than a minute"
    minutes = round(seconds / 60)
    return f"about {minutes} minute{'s' * (minutes > 1)}" if minutes < 90 else f"about {seconds / 3600:.1f} hours"
