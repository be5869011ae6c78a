"""The fast path on a CPU through a decoder with LoRA adapters: the stock code's results in less time and memory.

`install` modifies a model, where the arithmetic is known to be the same: attention in blocks (`block_attention`), the
adapters' products in the type of the frozen weights, their dropout from a faster generator, and, if the run is long
enough to benefit, compiled decoder layers. Everything else (DoRA, a sliding window, other architectures) uses the
stock code, which is slower.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from peft.tuners import lora
from transformers import AttentionInterface

from distill.train.kernels.block_attention import attention

ATTENTION = "distill_blocks"
ARCHITECTURES = frozenset({"llama", "mistral", "qwen2", "qwen3"})


class LoraLinear(lora.Linear):  # type: ignore[misc]
    """PEFT's linear layer with one LoRA adapter; the adapter's weights are cast to the input's type to be applied."""

    def forward(self, x: torch.Tensor, *args: Any, **kwargs: Any) -> torch.Tensor:
        """Return W x + scaling · B A dropout(x)."""
        down, up = self.lora_A["default"].weight, self.lora_B["default"].weight
        reduced = torch.nn.functional.linear(self.seeded_dropout(x), down.to(x.dtype))
        added = torch.nn.functional.linear(reduced, (up * self.scaling["default"]).to(x.dtype))
        return self.base_layer(x) + added  # type: ignore[no-any-return]


@torch.library.custom_op("distill::keep", mutates_args=())
def keep(seed: torch.Tensor, p: torch.Tensor, rows: int, columns: int) -> torch.Tensor:
    """Return a boolean mask, (rows, columns), with a share `p` of False: a function of the seed and nothing else.

    NumPy's SFC64 fills 16 bits an element, ten times as fast as PyTorch's generator draws; p is met within 2**-17.
    """
    words = np.random.SFC64(int(seed)).random_raw(-(-rows * columns // 4))
    bits = torch.from_numpy(words.view(np.int16))[: rows * columns]
    return (bits >= round(float(p) * 2**16) - 2**15).view(rows, columns)


@keep.register_fake
def _(seed: torch.Tensor, p: torch.Tensor, rows: int, columns: int) -> torch.Tensor:
    return seed.new_empty((rows, columns), dtype=torch.bool)


class SeededDropout(torch.nn.Module):
    """Dropout with a mask from a seed, which `_draw_seeds` draws for every forward pass of the model.

    Seed and probability are tensors, so that the same compiled code works with any, and without dropout.
    """

    seed: torch.Tensor
    p: torch.Tensor

    def __init__(self, p: float) -> None:
        super().__init__()
        self.configured = p
        self.register_buffer("seed", torch.zeros((), dtype=torch.int64), persistent=False)
        self.register_buffer("p", torch.tensor(p), persistent=False)

    def switch(self, on: bool) -> None:
        """Turn dropout on or off."""
        self.p.fill_(self.configured if on else 0.0)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return `x`, (..., width), with elements dropped and the others scaled up."""
        flat = x.reshape(-1, x.shape[-1])
        kept = keep(self.seed, self.p, flat.shape[0], flat.shape[1])
        return torch.where(kept, flat * (1 / (1 - self.p)).to(x.dtype), 0).view_as(x)


def obstacle(causal: Any) -> str | None:
    """Return why this path cannot be used for the model, or None."""
    config = causal.config.get_text_config()
    if config.model_type not in ARCHITECTURES:
        return f"the architecture {config.model_type}"
    if getattr(config, "use_sliding_window", True) and getattr(config, "sliding_window", None) is not None:
        return "a sliding window"
    return "dropout of attention" if getattr(config, "attention_dropout", 0.0) else None


def install(causal: Any, compile_layers: bool) -> None:
    """Modify a causal language model with a LoRA adapter, for which there must be no `obstacle`."""
    AttentionInterface.register(ATTENTION, attention)
    causal.set_attn_implementation(ATTENTION)
    for module in causal.modules():
        if type(module) is lora.Linear and not module.lora_bias["default"] and not module.use_dora["default"]:
            module.seeded_dropout = _dropout(module.lora_dropout["default"])
            # A wrapper would change the names of the saved weights, and hide the layer from PEFT.
            module.__class__ = LoraLinear
    causal.base_model.register_forward_pre_hook(_draw_seeds)
    # So that the first layer's input needs a gradient like the others', and all layers share their compiled code.
    causal.enable_input_require_grads()
    if compile_layers:
        for layer in causal.base_model.layers:
            layer.compile(dynamic=True)


@contextmanager
def without_dropout(causal: Any) -> Iterator[None]:
    """Return a context without the adapters' dropout, for a model with this path installed."""
    dropouts = [module for module in causal.modules() if isinstance(module, SeededDropout)]
    for dropout in dropouts:
        dropout.switch(on=False)
    yield
    for dropout in dropouts:
        dropout.switch(on=True)


def _draw_seeds(model: torch.nn.Module, _: Any) -> None:
    modules = [module for module in model.modules() if isinstance(module, SeededDropout)]
    # PyTorch's own generator is seeded by `train.seed`, and its state is in every checkpoint.
    for module, seed in zip(modules, torch.randint(2**62, (len(modules),)), strict=True):
        module.seed.copy_(seed)


def _dropout(original: torch.nn.Module) -> torch.nn.Module:
    return SeededDropout(original.p) if isinstance(original, torch.nn.Dropout) else torch.nn.Identity()
