"""distill.generate.onednn: the products of PyTorch's own linear layer."""

import copy

import pytest
import torch

import tiny
from distill.generate import onednn

needs_onednn = pytest.mark.skipif(not onednn.available(), reason="no oneDNN on this CPU")


@needs_onednn
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("shape", [(1, 8), (3, 8), (2, 5, 8)])
def test_products_are_those_of_a_linear_layer(shape: tuple[int, ...], bias: bool) -> None:
    torch.manual_seed(0)
    plain = torch.nn.Sequential(torch.nn.Linear(8, 6, bias=bias))
    quick = onednn.use(copy.deepcopy(plain))
    assert type(quick[0]) is onednn.OneDnnLinear
    values = torch.randn(shape)
    with torch.inference_mode():
        assert quick(values).shape == (*shape[:-1], 6)
        torch.testing.assert_close(quick(values), plain(values), rtol=1e-5, atol=1e-6)
        assert torch.equal(quick.to(torch.bfloat16)(values.bfloat16()), plain.to(torch.bfloat16)(values.bfloat16()))


@needs_onednn
def test_a_model_gives_the_same_logits_but_for_the_last_bits() -> None:
    ids = torch.tensor([[4, 5, 6, 7]])
    with torch.inference_mode():
        plain = tiny.model()(ids).logits
        quick = onednn.use(tiny.model())(ids).logits
    torch.testing.assert_close(quick, plain, rtol=1e-4, atol=1e-4)


def test_elsewhere_nothing_is_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(onednn, "available", lambda: False)
    assert type(onednn.use(torch.nn.Sequential(torch.nn.Linear(2, 2)))[0]) is torch.nn.Linear
