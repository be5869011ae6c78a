"""The layers' feed-forward parts, some tokens at a time: what is at work in them is several times as wide as a layer.

Reading 48 prompts of 1,000 tokens at once would take 2.8 GB in one of Qwen2.5-0.5B's in fp32, more than its weights. A
token's result does not depend on the others, so nothing but memory changes: in fp32 no bit does (tried with AVX2 and
AVX512), in bf16 some last bits, for oneDNN sums a product of more rows in another order.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import torch

TOKENS = 512
"""At a time, at most."""


def use(model: Any) -> Any:
    """Have each feed-forward part of `model`, a module named `mlp`, work in slices; return `model`."""
    for name, module in model.named_modules():
        if name.endswith(".mlp"):
            module.forward = partial(_in_slices, module.forward)
    return model


def _in_slices(forward: Callable[[torch.Tensor], torch.Tensor], states: torch.Tensor) -> torch.Tensor:
    """Return `forward(states)` for states (rows, tokens, width); slices are of about the same length."""
    flat = states.flatten(0, -2)
    if len(flat) <= TOKENS:
        return forward(states)
    parts = flat.tensor_split(-(-len(flat) // TOKENS))
    result = torch.empty_like(flat)
    for into, part in zip(result.tensor_split(len(parts)), parts, strict=True):
        into.copy_(forward(part[None])[0])
    return result.view_as(states)
