"""The key-value cache of batched generation.

Layers with full attention get room for the whole answer at once (`SlotLayer`). Any others (a sliding window) keep what
transformers made for them, and copy it at every step: slower, the same answers.
"""

import math
import mmap
from typing import Any

import torch
from transformers.cache_utils import DynamicCache, DynamicLayer


def make(model: Any, capacity: int) -> DynamicCache:
    """Return an empty cache for the model's kinds of layers, with room for `capacity` tokens."""
    cache = DynamicCache(config=model.config)
    cache.layers = [SlotLayer(capacity) if type(layer) is DynamicLayer else layer for layer in cache.layers]
    return cache


def slower(model: Any) -> str | None:
    """Return a line that says how many of the model's layers have no fast cache, if any."""
    layers = make(model, 0).layers
    others = sum(not isinstance(layer, SlotLayer) for layer in layers)
    return (f"{others} of the student's {len(layers)} layers look through a sliding window or are no attention: they "
            "use the cache of transformers, slower, with the same answers") if others else None  # fmt: skip


class SlotLayer(DynamicLayer):  # type: ignore[misc]
    """A layer of the key-value cache with room for the whole answer: appending copies one token, not the cache.

    Shapes: (rows, key-value heads, tokens, head size).
    """

    def __init__(self, capacity: int) -> None:
        super().__init__()
        self.capacity, self.length, self.rows = capacity, 0, 0

    def lazy_initialization(self, key_states: torch.Tensor, value_states: torch.Tensor) -> None:
        """Make the room; called by the first update."""
        self.dtype, self.device = key_states.dtype, key_states.device
        self.room = [self._empty(key_states), self._empty(value_states)]
        self.rows, self.is_initialized = key_states.shape[0], True

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *args: Any, **kwargs: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Append the tokens' keys and values, and return all of them."""
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
        start, self.length = self.length, self.length + key_states.shape[-2]
        for room, new in zip(self.room, (key_states, value_states), strict=True):
            room[: self.rows, :, start : self.length] = new
        self.keys, self.values = (room[: self.rows, :, : self.length] for room in self.room)
        return self.keys, self.values

    def get_seq_length(self) -> int:
        """How many tokens are there."""
        return self.length

    def reorder_cache(self, beam_idx: torch.Tensor) -> None:
        """Keep these rows, in this order, in which a row comes to stand where it stood or further forward."""
        rows = beam_idx.tolist()
        for place, row in enumerate(rows):
            if place != row:
                for room in self.room:
                    room[place, :, : self.length] = room[row, :, : self.length]
        self.rows = len(rows)

    def _empty(self, like: torch.Tensor) -> torch.Tensor:
        shape = (*like.shape[:2], self.capacity, like.shape[3])
        if like.device.type != "cpu":
            return like.new_empty(shape)
        # Pages of its own, which are there once they are written to. A block of the heap would lie between those that
        # reading the prompts takes and frees: all of it would be there at once, and what is free around it in pieces.
        pages = mmap.mmap(-1, math.prod(shape) * like.itemsize, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        return torch.frombuffer(pages, dtype=like.dtype).view(shape)
