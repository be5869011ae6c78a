"""The loss of a causal language model, computed only where there is a label, a few hundred positions at a time.

A vocabulary of 49,152 makes the logits of one example of 800 tokens 157 MB in fp32, and its gradient the same again.
Here neither exists: prompt positions are left out, and each chunk's gradient with respect to the hidden states is
computed in the forward pass, while its logits exist. The head's own weights get no gradient, so it must be frozen.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import torch

from distill.train.data import IGNORED

CHUNK = 128
"""Positions at a time: few enough for a chunk of logits to stay in the processor's cache."""

Piece = Callable[[torch.Tensor], tuple[torch.Tensor, torch.Tensor, torch.Tensor]]


class Score(NamedTuple):
    """Sums over the labelled positions: negative log-likelihood in nats, right guesses (argmax), and their number."""

    nll: torch.Tensor
    correct: torch.Tensor
    tokens: torch.Tensor


class _ChunkedNll(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, hidden: torch.Tensor, weight: torch.Tensor, labels: torch.Tensor, learn: bool, piece: Piece
    ) -> tuple[torch.Tensor, torch.Tensor]:
        nll = torch.zeros((), dtype=torch.float32, device=hidden.device)
        correct = torch.zeros((), dtype=torch.long, device=hidden.device)
        gradient = torch.empty_like(hidden) if learn else None
        for start in range(0, hidden.shape[0], CHUNK):
            part = slice(start, start + CHUNK)
            target = labels[part].unsqueeze(1)
            logits = hidden[part] @ weight.t()
            wanted = logits.gather(1, target).float()  # before `piece`, which may reuse the logits' memory
            log_norm, best, probabilities = piece(logits)
            log_likelihood = wanted - log_norm
            nll -= log_likelihood.sum()
            correct += (best == target).sum()
            if gradient is not None:
                # The label's element, p - 1, is computed before rounding, in which it would be lost.
                probabilities.scatter_(1, target, torch.expm1(log_likelihood).to(hidden.dtype))
                gradient[part] = probabilities @ weight
        if gradient is not None:
            ctx.save_for_backward(gradient)
        ctx.mark_non_differentiable(correct)
        return nll, correct

    @staticmethod
    def backward(ctx: Any, *upstream: torch.Tensor) -> tuple[torch.Tensor, None, None, None, None]:
        (gradient,) = ctx.saved_tensors
        return gradient * upstream[0].to(gradient.dtype), None, None, None, None


def _normalise(logits: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return each row's log of summed exponentials (fp32), its argmax, and its softmax in the logits' type.

    Logits that are fp32 already are overwritten.
    """
    values = logits.float()
    best, log_norm = values.argmax(1, keepdim=True), torch.logsumexp(values, 1, keepdim=True)
    return log_norm, best, values.sub_(log_norm).exp_().to(logits.dtype)


def score(
    hidden: torch.Tensor, weight: torch.Tensor, labels: torch.Tensor, learn: bool = True, piece: Piece = _normalise
) -> Score:
    """Score the labels by the head `weight` on the hidden states before them.

    Args:
        hidden: Last hidden states, (batch, length, width).
        weight: The frozen head, (vocabulary, width).
        labels: (batch, length); position i is predicted by hidden state i - 1, and -100 does not count.
        learn: Whether to compute the gradient.
        piece: Normalises a chunk of logits, as `_normalise` does.
    """
    targets = labels[:, 1:]
    kept = targets != IGNORED
    states, chosen = hidden[:, :-1][kept], targets[kept]
    nll, correct = _ChunkedNll.apply(states, weight, chosen, learn, piece)  # type: ignore[no-untyped-call]
    return Score(nll, correct, kept.sum())


def attach(model: Any, compiled: bool = False) -> None:
    """Give a causal language model's forward the keyword `scored`, with which it returns a `Score` instead of logits.

    `scored` is "learn" or "measure" (without the gradient). It works through wrappers (PEFT, DDP), which return what
    the innermost forward returns.
    """
    original = model.forward
    piece = torch.compile(_normalise, dynamic=True) if compiled else _normalise

    def forward(*args: Any, scored: str | None = None, labels: torch.Tensor | None = None, **kwargs: Any) -> Any:
        if scored is None or labels is None:
            return original(*args, **kwargs) if labels is None else original(*args, labels=labels, **kwargs)
        hidden = model.base_model(*args, **kwargs).last_hidden_state
        return score(hidden, model.get_output_embeddings().weight, labels, scored == "learn", piece)

    model.forward = forward


def fits(model: Any) -> bool:
    """Whether the model's logits are its last hidden states times a frozen matrix, with no bias or scaling."""
    config, head = model.config.get_text_config(), model.get_output_embeddings()
    extras = ("final_logit_softcapping", "logit_scale", "output_multiplier", "lm_head_multiplier", "logits_scaling")
    scaled = any(getattr(config, name, None) not in (None, 1.0) for name in extras)
    plain = type(head) is torch.nn.Linear and head.bias is None and not head.weight.requires_grad
    return plain and not scaled and not getattr(config, "output_router_logits", False)
