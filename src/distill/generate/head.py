"""Logits in fp32 from a head whose weights are bf16 or fp16.

In bf16 a logit of 20 is a multiple of 1/8: too coarse to tell two students apart by the likelihood of an answer. The
head's weights are turned into fp32 some rows at a time, so that no second copy of them is ever there.
"""

from typing import Any

import torch
from torch.nn import Linear

from distill.generate import onednn

ROWS = 2048
"""Of the vocabulary, at a time."""


class Fp32Head(Linear):
    """A linear layer that multiplies in fp32, and returns fp32, whatever the type of its weights."""

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        """Return `input` (..., width) times the weights, (..., vocabulary)."""
        wide = input.float()
        logits = wide.new_empty((*input.shape[:-1], self.out_features))
        buffer = wide.new_empty((min(ROWS, self.out_features), self.in_features))
        for start in range(0, self.out_features, ROWS):
            part = slice(start, start + ROWS)
            rows = self.weight[part]
            bias = None if self.bias is None else self.bias[part].float()
            logits[..., part] = onednn.product(wide, buffer[: len(rows)].copy_(rows), bias)
        return logits


def use(model: Any) -> Any:
    """Turn the plain head of a causal language model whose weights are not fp32 into Fp32Head; return `model`."""
    head = model.get_output_embeddings()
    if type(head) is Linear and head.weight.dtype != torch.float32:
        head.__class__ = Fp32Head
    return model
