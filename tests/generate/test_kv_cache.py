"""distill.generate.kv_cache: a row that leaves, and what layers keep their keys where. Answers: test_families.py."""

import mmap

import torch

import tiny
from distill.generate import kv_cache
from distill.generate.kv_cache import SlotLayer


def test_a_row_that_leaves_the_cache_gives_its_place_to_the_last() -> None:
    layer = SlotLayer(capacity=3)
    rows = torch.tensor([10.0, 20.0, 30.0]).reshape(3, 1, 1, 1)
    layer.update(rows, -rows)
    layer.reorder_cache(torch.tensor([2, 1]))
    keys, values = layer.update(torch.tensor([31.0, 21.0]).reshape(2, 1, 1, 1), torch.zeros(2, 1, 1, 1))
    assert keys.flatten().tolist() == [30.0, 31.0, 20.0, 21.0]
    assert values.flatten().tolist() == [-30.0, 0.0, -20.0, 0.0]
    assert layer.get_seq_length() == 2


def test_a_layer_has_pages_of_its_own() -> None:
    layer = SlotLayer(capacity=2**20)
    layer.update(torch.ones(2, 1, 1, 8, dtype=torch.bfloat16), torch.ones(2, 1, 1, 8, dtype=torch.bfloat16))
    assert [room.shape for room in layer.room] == [(2, 1, 2**20, 8)] * 2
    assert [room.data_ptr() % mmap.PAGESIZE for room in layer.room] == [0, 0]
    assert int(layer.room[0][1, 0, -1].float().count_nonzero()) == 0  # as the system gives it


def test_a_model_with_full_attention_has_the_fast_cache_throughout() -> None:
    model = tiny.model()
    assert [type(layer) for layer in kv_cache.make(model, 8).layers] == [SlotLayer, SlotLayer]
    assert kv_cache.slower(model) is None
