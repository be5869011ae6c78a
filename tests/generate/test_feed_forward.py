"""feed_forward: the wide part of a layer works on slices, and what comes out is what all at once give."""

from typing import Any

import pytest
import torch

import tiny
from distill.generate import feed_forward, onednn
from distill.generate.likelihood import score
from distill.student.chat import Encoded

WIDTH = 64


@pytest.fixture
def slices(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Where `watched` notes how many tokens go through a feed-forward part at a time; slices are of 64 at most."""
    monkeypatch.setattr(feed_forward, "TOKENS", 64)
    return []


def watched(model: Any, seen: list[int]) -> Any:
    model.model.layers[0].mlp.up_proj.register_forward_pre_hook(lambda _, given: seen.append(given[0].numel() // WIDTH))
    return model


@pytest.mark.parametrize(("rows", "tokens"), [(8, 32), (5, 61), (1, 250)])
def test_slices_give_what_all_at_once_gives(rows: int, tokens: int, slices: list[int]) -> None:
    ids = torch.randint(4, tiny.WORDS, (rows, tokens), generator=torch.Generator().manual_seed(1))
    whole, sliced = onednn.use(tiny.model()), watched(feed_forward.use(onednn.use(tiny.model())), slices)
    with torch.inference_mode():
        expected, found = whole(ids).logits, sliced(ids).logits
    # On the machines tried, to the last bit; others have other kernels.
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)
    assert sum(slices) == rows * tokens
    assert max(slices) <= 64
    assert max(slices) - min(slices) <= 1


def test_a_few_tokens_are_not_cut(slices: list[int]) -> None:
    model = watched(feed_forward.use(tiny.model()), slices)
    with torch.inference_mode():
        model(torch.full((2, 32), 5))
    assert slices == [64]
    assert len(feed_forward.use(tiny.model()).state_dict()) == len(tiny.model().state_dict())


def test_likelihoods_are_the_same(slices: list[int]) -> None:
    examples = [Encoded(tuple(range(4, 50)), 5), Encoded((*range(4, 60), *range(4, 40)), 9)]
    plain = score(tiny.model(), examples, 10_000)
    sliced = score(watched(feed_forward.use(tiny.model()), slices), examples, 10_000)
    for found, expected in zip(sliced, plain, strict=True):
        assert found.nll == pytest.approx(expected.nll, rel=1e-5)
        assert (found.tokens, found.correct) == (expected.tokens, expected.correct)
    assert max(slices) <= 64
