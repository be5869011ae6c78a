"""distill.train.kernels.fast_path: the CPU's fast path computes what the stock code computes."""

from typing import Any

import pytest
import torch

from distill.common.config import parse
from distill.train import lora
from distill.train.data import IGNORED
from distill.train.kernels import chunked_loss, fast_path
from distill.train.params import LoraParams
from training import params, tiny_model

IDS = torch.tensor([[5, 6, 7, 8, 9, 10, 11, 3, 4, 2]])
LABELS = torch.where(torch.arange(10) < 4, IGNORED, IDS)


def adapted(**changes: Any) -> Any:
    """A tiny Llama with an adapter that does something."""
    section = parse(LoraParams, params(**changes)["lora"], "params.yaml")
    torch.manual_seed(1)
    model = lora.add(tiny_model(), section)
    for parameter in lora.trainable(model).values():
        parameter.data.normal_(0, 0.2)
    chunked_loss.attach(model.get_base_model())
    return model


def score(model: Any) -> tuple[float, dict[str, torch.Tensor]]:
    model.zero_grad()
    scored = model(input_ids=IDS, labels=LABELS, use_cache=False, scored="learn")
    scored.nll.backward()
    return scored.nll.item(), {name: p.grad.clone() for name, p in lora.trainable(model).items()}


@pytest.mark.parametrize("rslora", [False, True])
@pytest.mark.parametrize("targets", [["q_proj", "v_proj"], "all-linear"])
def test_loss_and_gradients_are_those_of_the_stock_model(rslora: bool, targets: Any) -> None:
    changes = {"lora__dropout": 0.0, "lora__rslora": rslora, "lora__targets": targets}
    # In fp64, where the rounding of attention by blocks does not hide a fault.
    stock, quick = adapted(**changes).double(), adapted(**changes).double()
    assert fast_path.obstacle(quick.get_base_model()) is None
    fast_path.install(quick.get_base_model(), compile_layers=False)
    (expected, gradients), (found, ours) = score(stock), score(quick)
    assert found == pytest.approx(expected, rel=1e-6)
    for name, gradient in gradients.items():
        torch.testing.assert_close(ours[name], gradient, rtol=1e-4, atol=1e-6)


def test_dora_is_left_to_peft() -> None:
    stock, quick = adapted(lora__dropout=0.0, lora__dora=True), adapted(lora__dropout=0.0, lora__dora=True)
    fast_path.install(quick.get_base_model(), compile_layers=False)
    assert not any(isinstance(module, fast_path.LoraLinear) for module in quick.modules())
    assert score(quick)[0] == pytest.approx(score(stock)[0], rel=1e-6)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of torch's compiler, about torch
def test_compiled_layers_compute_the_same() -> None:
    stock, quick = adapted(lora__dropout=0.0), adapted(lora__dropout=0.0)
    fast_path.install(quick.get_base_model(), compile_layers=True)
    (expected, gradients), (found, ours) = score(stock), score(quick)
    assert found == pytest.approx(expected, rel=1e-5)
    for name, gradient in gradients.items():
        torch.testing.assert_close(ours[name], gradient, rtol=1e-3, atol=1e-5)


def test_dropout_drops_its_share_and_keeps_the_mean() -> None:
    dropout = fast_path.SeededDropout(0.25)
    dropout.seed.fill_(7)
    x = torch.ones(300, 400)
    y = dropout(x)
    assert y.unique().tolist() == pytest.approx([0, 4 / 3])
    # 120,000 draws: the share's standard deviation is 0.00125.
    assert (y == 0).float().mean().item() == pytest.approx(0.25, abs=0.006)
    # Neighbours are dropped independently: 1/16 of the pairs are dropped both.
    gone = y == 0
    assert (gone[:, 1:] & gone[:, :-1]).float().mean().item() == pytest.approx(0.0625, abs=0.006)
    assert (gone[1:] & gone[:-1]).float().mean().item() == pytest.approx(0.0625, abs=0.006)
    assert torch.equal(dropout(x), y)
    dropout.seed.fill_(8)
    assert not torch.equal(dropout(x), y)
    dropout.switch(False)
    assert torch.equal(dropout(x), x)


def test_every_pass_draws_other_masks_from_pytorchs_generator() -> None:
    model = adapted(lora__dropout=0.5)
    fast_path.install(model.get_base_model(), compile_layers=False)
    torch.manual_seed(3)
    first, second = score(model)[0], score(model)[0]
    assert first != second
    seeds = {int(module.seed) for module in model.modules() if isinstance(module, fast_path.SeededDropout)}
    assert len(seeds) == 8  # four targets in two layers, each with its own
    torch.manual_seed(3)
    assert score(model)[0] == first
    with fast_path.without_dropout(model.get_base_model()):
        assert score(model)[0] == score(model)[0]
    assert score(model)[0] != score(model)[0]


def test_it_knows_models_it_does_not_fit() -> None:
    model = tiny_model()
    assert fast_path.obstacle(model) is None
    model.config.sliding_window = 8
    assert fast_path.obstacle(model) == "a sliding window"
    model.config.sliding_window, model.config.attention_dropout = None, 0.1
    assert fast_path.obstacle(model) == "dropout of attention"
    model.config.model_type = "gemma2"
    assert fast_path.obstacle(model) == "the architecture gemma2"
