"""How a batch is scored: on a CPU with this package's kernels, and anywhere else with TRL's fused head.

Both compute the same sums, apart from rounding, and neither computes the logits of a whole batch at once.
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
    """A way to score batches; `model` is the causal model with its wrappers (PEFT, DDP, FSDP)."""

    def score(self, model: Any, inputs: dict[str, Any], learn: bool = True) -> Score:
        """Return the sums over a batch's labels; with `learn`, for a backward pass."""

    def measuring(self, model: Any) -> AbstractContextManager[None]:
        """Return a context without dropout; the trainer turns dropout on again before it trains."""


class FusedHead:
    """TRL's fused head, which SFTTrainer adds to the model: for any device and architecture, and for shards."""

    def score(self, model: Any, inputs: dict[str, Any], learn: bool = True) -> Score:
        """Return the sums; `learn` makes no difference."""
        outputs = model(**inputs, use_cache=False, fused_lm_head=True)
        return Score(-outputs.log_probs.sum(), outputs.is_top1.sum(), outputs.label_mask.sum())

    def measuring(self, model: Any) -> AbstractContextManager[None]:
        """Put the model in evaluation mode, without gradients."""
        return _evaluating(model)


class ChunkedLoss:
    """The loss in chunks and, where possible, the fast path through the decoder; for a CPU. The model is modified."""

    def __init__(self, causal: Any, setup: Setup) -> None:
        chunked_loss.attach(causal, setup.compile)
        self._causal = causal
        self._fast = setup.micro_batch == 1 and not setup.checkpointing and not fast_path.obstacle(causal)
        if self._fast:
            fast_path.install(causal, setup.compile)

    def score(self, model: Any, inputs: dict[str, Any], learn: bool = True) -> Score:
        """Return the sums; with `learn`, compute the gradient in the forward pass."""
        if inputs["input_ids"].shape[0] == 1:  # padding comes after all that counts, so it needs no mask
            inputs = {key: value for key, value in inputs.items() if key != "attention_mask"}
        return model(**inputs, use_cache=False, scored="learn" if learn else "measure")  # type: ignore[no-any-return]

    def measuring(self, model: Any) -> AbstractContextManager[None]:
        """Turn dropout off; the fast path uses the code compiled for training, instead of compiling once more."""
        return fast_path.without_dropout(self._causal) if self._fast else _evaluating(model)


def choose(causal: Any, setup: Setup, sharded: bool) -> Loss:
    """Return the fastest loss for a causal model with its adapter; the shards of FSDP need TRL's."""
    fits = not device.is_gpu() and not sharded and chunked_loss.fits(causal)
    return ChunkedLoss(causal, setup) if fits else FusedHead()


def slower(causal: Any, setup: Setup) -> str | None:
    """Return a note on why this student trains more slowly on a CPU than others, or None."""
    why = fast_path.obstacle(causal) if setup.device == "cpu" else None
    return f"{why}: the stock code of transformers trains this student, slower, with the same results" if why else None


@contextmanager
def _evaluating(model: Any) -> Iterator[None]:
    model.eval()
    with torch.no_grad():
        yield
