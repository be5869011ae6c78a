"""How a batch is scored: on a CPU with this package's kernels, and anywhere else with TRL's fused head.

Both compute the same sums within rounding, and neither makes the logits of a whole batch.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Protocol

import torch

from distill.shared import device
from distill.train.kernels import chunked_loss, fast_path
from distill.train.kernels.chunked_loss import Score
from distill.train.setup import Setup


class Loss(Protocol):
    """A way to score batches; `model` is the causal model in whatever wraps it (PEFT, DDP, FSDP)."""

    def score(self, model: Any, inputs: dict[str, Any], learn: bool = True) -> Score:
        """Return the sums over the labels of a batch; gradients are wanted if `learn`."""

    def measuring(self, model: Any) -> AbstractContextManager[None]:
        """Within it, the model drops nothing; the trainer turns dropout on again when it goes on to train."""


class FusedHead:
    """TRL's head, which SFTTrainer has put on the model: any device, any architecture, weights in shards."""

    def score(self, model: Any, inputs: dict[str, Any], learn: bool = True) -> Score:
        """Return the sums; `learn` makes no difference here."""
        outputs = model(**inputs, use_cache=False, fused_lm_head=True)
        return Score(-outputs.log_probs.sum(), outputs.is_top1.sum(), outputs.label_mask.sum())

    def measuring(self, model: Any) -> AbstractContextManager[None]:
        """Put the model in evaluation mode, and keep nothing for a backward pass."""
        return _evaluating(model)


class ChunkedLoss:
    """The loss in chunks, and where it fits, the fast path through the decoder: a model on a CPU, changed in place."""

    def __init__(self, causal: Any, setup: Setup) -> None:
        chunked_loss.attach(causal, setup.compile)
        self._causal = causal
        self._fast = setup.micro_batch == 1 and not setup.checkpointing and not fast_path.obstacle(causal)
        if self._fast:
            fast_path.install(causal, setup.compile)

    def score(self, model: Any, inputs: dict[str, Any], learn: bool = True) -> Score:
        """Return the sums, and take the gradient on the way if `learn`."""
        if inputs["input_ids"].shape[0] == 1:  # what is padded comes after all that counts, and need not be masked
            inputs = {key: value for key, value in inputs.items() if key != "attention_mask"}
        return model(**inputs, use_cache=False, scored="learn" if learn else "measure")  # type: ignore[no-any-return]

    def measuring(self, model: Any) -> AbstractContextManager[None]:
        """Turn dropout off; the fast path keeps the code compiled for training rather than compile it again."""
        return fast_path.without_dropout(self._causal) if self._fast else _evaluating(model)


def choose(causal: Any, setup: Setup, sharded: bool) -> Loss:
    """Return the fastest loss for a causal model that carries its adapter; FSDP's shards need TRL's."""
    fits = not device.is_gpu() and not sharded and chunked_loss.fits(causal)
    return ChunkedLoss(causal, setup) if fits else FusedHead()


def slower(causal: Any, setup: Setup) -> str | None:
    """Return a line that says why a student on a CPU trains by the stock code, if something about it is why."""
    why = fast_path.obstacle(causal) if setup.device == "cpu" else None
    return f"{why}: the stock code of transformers trains this student, slower, with the same results" if why else None


@contextmanager
def _evaluating(model: Any) -> Iterator[None]:
    model.eval()
    with torch.no_grad():
        yield
