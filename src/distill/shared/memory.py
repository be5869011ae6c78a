"""How much memory a student takes, worked out from its configuration before anything of it is loaded.

In: a configuration of transformers. Out: bytes of weights, activations and key-value cache (docs/students.md has the
same arithmetic in words), and, where they do not fit, one line that says what to change. What is left out: what the
libraries take for themselves, and what a device's allocator cannot use for being in pieces.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch

from distill.common.errors import InputError
from distill.shared import device

GB = 1e9
NF4 = 0.5 + 1 / 64 + 4 / (64 * 256)
"""Bytes a weight in 4 bits: itself, a scale of 8 bits for each 64, and one of 32 bits for each 256 of those."""


@dataclass(frozen=True)
class Change:
    """What a person can set, in words, and the bytes that the run takes after it and all changes before it."""

    words: str
    need: float


@dataclass(frozen=True)
class Size:
    """What a student's memory follows from."""

    parameters: int
    layers: int
    width: int  # of what flows from layer to layer
    inner: int  # of the feed-forward part
    heads: int
    queries: int  # width of all query heads together
    keys: int  # width of all key heads together
    vocabulary: int
    normed: int  # sum of the widths of all normalisations
    linears: tuple[tuple[str, int, int], ...]  # name, inputs and outputs of every matrix in a layer

    @classmethod
    def of(cls, config: Any) -> "Size":
        """Return the size of the causal model that a configuration describes; none of its weights are made."""
        from transformers import AutoModelForCausalLM

        with torch.device("meta"):
            model = AutoModelForCausalLM.from_config(config)
        text, head = config.get_text_config(), model.get_output_embeddings()
        span = getattr(text, "head_dim", None) or text.hidden_size // text.num_attention_heads
        keys = span * (getattr(text, "num_key_value_heads", None) or text.num_attention_heads)
        queries = span * text.num_attention_heads
        over_heads = {"q_norm": queries, "k_norm": keys}
        norms = [name.split(".")[-2] for name, _ in model.named_parameters() if name.endswith("norm.weight")]
        linears = [(name, module) for name, module in model.named_modules() if isinstance(module, torch.nn.Linear)]
        return cls(
            parameters=model.num_parameters(),
            layers=text.num_hidden_layers,
            width=text.hidden_size,
            inner=getattr(text, "intermediate_size", None) or 4 * text.hidden_size,
            heads=text.num_attention_heads,
            queries=queries,
            keys=keys,
            vocabulary=text.vocab_size,
            normed=sum(over_heads.get(name, text.hidden_size) for name in norms),
            linears=tuple((name, one.in_features, one.out_features) for name, one in linears if one is not head),
        )

    def weights(self, dtype: torch.dtype, nf4: bool = False) -> float:
        """Bytes of the weights; in 4 bits, those of the layers' matrices alone are."""
        matrices = sum(inputs * outputs for _, inputs, outputs in self.linears) if nf4 else 0
        return (self.parameters - matrices) * dtype.itemsize + matrices * NF4

    def cache(self, tokens: int, dtype: torch.dtype) -> float:
        """Bytes of the key-value cache of so many tokens."""
        return tokens * 2 * self.layers * self.keys * dtype.itemsize

    def targets(self, names: Sequence[str] | str) -> list[tuple[int, int]]:
        """Inputs and outputs of the matrices that an adapter is put on, by PEFT's rules; a text is "all-linear"."""
        wanted = [""] if isinstance(names, str) else [f".{name}" for name in names]
        return [(inputs, outputs) for name, inputs, outputs in self.linears if f".{name}".endswith(tuple(wanted))]

    def activations(self, dtype: torch.dtype, names: Sequence[str] | str, rank: int, length: int) -> float:
        """Bytes a token that the layers keep for the backward pass, in sequences of so many tokens.

        A layer keeps, in the weights' type, queries, keys, values and output of attention and three vectors of the
        feed-forward part; in fp32, the inputs of its normalisations, and of each adapted matrix the input with its
        dropout's mask (a byte on a GPU) and the inner vector; on a CPU half of attention's probabilities.
        """
        mask = 1 if device.is_gpu() else 4
        kept = self.layers * (2 * self.queries + 2 * self.keys + 3 * self.inner) * dtype.itemsize + 4 * self.normed
        adapted = sum((4 + mask) * inputs + 4 * rank for inputs, _ in self.targets(names))
        probabilities = 0 if device.is_gpu() else self.layers * self.heads * length / 2 * dtype.itemsize
        return kept + adapted + probabilities


def check(what: str, need: float, changes: Sequence[Change]) -> None:
    """Raise InputError, a line that says what to change, if `what` takes more bytes than are free."""
    free = device.free_memory()
    if need > free:
        raise InputError(f"params.yaml: {what} takes about {_gb(need)} of memory, and {_gb(free)} are free; "
                         f"{_advice(changes, free)}")  # fmt: skip


@contextmanager
def enough(what: str, changes: Callable[[], Sequence[Change]]) -> Iterator[None]:
    """Within it, memory that does not suffice after all ends in such a line too, and not in a traceback."""
    try:
        yield
    except RuntimeError as error:
        if not device.is_out_of_memory(error):
            raise
        advice = [*(f"set {change.words}" for change in changes()), "choose a smaller student"]
        raise InputError(f"params.yaml: {what}: out of memory; {', or '.join(advice)}") from None


def _advice(changes: Sequence[Change], free: float) -> str:
    """Return the first changes that together make it fit, or that none do."""
    for number, change in enumerate(changes, start=1):
        if change.need <= free:
            return f"set {' and '.join(one.words for one in changes[:number])} ({_gb(change.need)})"
    words = " and ".join(change.words for change in changes)
    return "choose a smaller student" + (f", for {words} would not do ({_gb(changes[-1].need)})" if changes else "")


def _gb(number: float) -> str:
    return f"{number / GB:.1f} GB"
