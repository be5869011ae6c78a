"""distill.train.kernels.block_attention: attention by blocks is attention."""

import pytest
import torch
from torch.nn.functional import scaled_dot_product_attention

from distill.train.kernels.block_attention import BLOCKS, attend, attention


def make(length: int, heads: int = 6, groups: int = 2) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(length)
    shapes = [(heads, length, 8), (groups, length, 8), (groups, length, 8)]
    return [torch.randn(shape, generator=generator, dtype=torch.float64).requires_grad_() for shape in shapes]


# One token, fewer tokens than blocks, a multiple, and lengths whose last block is short or missing.
@pytest.mark.parametrize("length", [1, 2, BLOCKS - 1, BLOCKS, BLOCKS + 1, 4 * BLOCKS, 37, 64])
def test_value_and_gradients_are_those_of_pytorch(length: int) -> None:
    ours, theirs = make(length), make(length)
    output, _ = attend(*ours, 0.3)
    expected = scaled_dot_product_attention(
        *(x.unsqueeze(0) for x in theirs), is_causal=True, scale=0.3, enable_gqa=True
    )
    torch.testing.assert_close(output, expected[0])
    weights = torch.linspace(-1, 1, output.numel(), dtype=torch.float64).view_as(output)
    (output * weights).sum().backward()
    (expected[0] * weights).sum().backward()
    for mine, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(mine.grad, other.grad)


def test_the_operator_keeps_pytorchs_rules() -> None:
    torch.library.opcheck(attend, (*make(23), 0.3))


@pytest.mark.parametrize("length", [1, 2, 23, 4 * BLOCKS])
def test_nothing_of_the_outputs_is_what_the_memory_held_before(length: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.utils.deterministic, "fill_uninitialized_memory", True)
    torch.use_deterministic_algorithms(True)  # fills new memory with NaN
    try:
        assert torch.empty(1).isnan()
        for output in attend(*make(length), 0.3):
            assert output.isfinite().all()
    finally:
        torch.use_deterministic_algorithms(False)


def test_what_comes_later_is_not_seen() -> None:
    q, k, v = (x.detach() for x in make(20))
    before, _ = attend(q, k, v, 0.3)
    k[:, 12:], v[:, 12:] = 5.0, -5.0
    after, _ = attend(q, k, v, 0.3)
    torch.testing.assert_close(after[:, :12], before[:, :12], rtol=0, atol=0)
    assert not torch.allclose(after[:, 12:], before[:, 12:])


def test_padding_and_several_sequences_are_refused() -> None:
    q, k, v = (x.detach().unsqueeze(0) for x in make(4))
    module = torch.nn.Module()
    with pytest.raises(ValueError, match="one sequence"):
        attention(module, q, k, v, torch.ones(1, 1, 4, 4), 0.3)
    with pytest.raises(ValueError, match="one sequence"):
        attention(module, q.repeat(2, 1, 1, 1), k, v, None, 0.3)
