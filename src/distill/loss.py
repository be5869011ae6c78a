"""The loss of a causal language model, computed only where there is a label, a few hundred positions at a time.

A vocabulary of 49,152 makes the logits of one example of 800 tokens 157 MB in fp32, and its gradient the same again.
Here neither exists: prompt positions are left out, and each chunk's gradient with respect to the hidden states is
taken in the forward pass, while its logits are at hand. The head's own weights get no gradient: it must be frozen.
"""

from typing import Any, NamedTuple

import torch

from distill.batching import IGNORED

CHUNK = 256


class Score(NamedTuple):
    """Sums over the labelled positions: negative log-likelihood in nats, right guesses (argmax), and their number."""

    nll: torch.Tensor
    correct: torch.Tensor
    tokens: torch.Tensor


class _ChunkedNll(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, hidden: torch.Tensor, weight: torch.Tensor, labels: torch.Tensor, needs_grad: bool
    ) -> tuple[torch.Tensor, torch.Tensor]:
        nll = torch.zeros((), dtype=torch.float32, device=hidden.device)
        correct = torch.zeros((), dtype=torch.long, device=hidden.device)
        gradient = torch.empty_like(hidden) if needs_grad else None
        for start in range(0, hidden.shape[0], CHUNK):
            piece = slice(start, start + CHUNK)
            target = labels[piece].unsqueeze(1)
            logits = (hidden[piece] @ weight.t()).float()
            correct += (logits.argmax(1, keepdim=True) == target).sum()
            log_norm = torch.logsumexp(logits, 1, keepdim=True)
            nll += (log_norm - logits.gather(1, target)).sum()
            if gradient is not None:
                probabilities = logits.sub_(log_norm).exp_()
                probabilities.scatter_add_(1, target, torch.full_like(log_norm, -1.0))
                gradient[piece] = probabilities.to(hidden.dtype) @ weight
        if gradient is not None:
            ctx.save_for_backward(gradient)
        ctx.mark_non_differentiable(correct)
        return nll, correct

    @staticmethod
    def backward(ctx: Any, *upstream: torch.Tensor) -> tuple[torch.Tensor, None, None, None]:
        (gradient,) = ctx.saved_tensors
        return gradient * upstream[0].to(gradient.dtype), None, None, None


def score(hidden: torch.Tensor, weight: torch.Tensor, labels: torch.Tensor) -> Score:
    """Score the labels against what the head `weight` makes of the hidden states before them.

    Args:
        hidden: Last hidden states, (batch, length, width).
        weight: The frozen head, (vocabulary, width).
        labels: (batch, length); position i is predicted by hidden state i - 1, and -100 counts nowhere.
    """
    targets = labels[:, 1:]
    kept = targets != IGNORED
    states, chosen = hidden[:, :-1][kept], targets[kept]
    nll, correct = _ChunkedNll.apply(states, weight, chosen, torch.is_grad_enabled())  # type: ignore[no-untyped-call]
    return Score(nll, correct, kept.sum())


def attach(model: Any) -> None:
    """Give a causal language model's forward the keyword `scored`: with it, it returns a `Score` instead of logits.

    It works through wrappers (PEFT, DDP), which hand on what the innermost forward returns.
    """
    original = model.forward

    def forward(*args: Any, scored: bool = False, labels: torch.Tensor | None = None, **kwargs: Any) -> Any:
        if not scored or labels is None:
            return original(*args, **kwargs) if labels is None else original(*args, labels=labels, **kwargs)
        hidden = model.base_model(*args, **kwargs).last_hidden_state
        return score(hidden, model.get_output_embeddings().weight, labels)

    model.forward = forward


def fits(model: Any) -> bool:
    """Whether the model's logits are its last hidden states times a frozen matrix, with nothing added or scaled."""
    config, head = model.config.get_text_config(), model.get_output_embeddings()
    extras = ("final_logit_softcapping", "logit_scale", "output_multiplier", "lm_head_multiplier", "logits_scaling")
    scaled = any(getattr(config, name, None) not in (None, 1.0) for name in extras)
    plain = type(head) is torch.nn.Linear and head.bias is None and not head.weight.requires_grad
    return plain and not scaled and not getattr(config, "output_router_logits", False)
