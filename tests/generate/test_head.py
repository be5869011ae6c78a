"""head: logits of weights in bf16 are products in fp32, whatever the vocabulary's size."""

import pytest
import torch

import tiny
from distill.generate import head


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_products_are_fp32_over_all_of_the_vocabulary(
    dtype: torch.dtype, bias: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(head, "ROWS", 5)
    torch.manual_seed(0)
    model = tiny.model().to(dtype)
    model.lm_head = torch.nn.Linear(64, 64, bias=bias, dtype=dtype)  # 64 is no multiple of 5
    wide = torch.nn.Linear(64, 64, bias=bias)
    wide.load_state_dict(model.lm_head.state_dict())
    assert head.use(model) is model
    states = torch.randn(3, 2, 64).to(dtype)
    with torch.inference_mode():
        logits = model.lm_head(states)
        assert logits.dtype == torch.float32
        torch.testing.assert_close(logits, wide(states.float()), rtol=1e-5, atol=1e-5)


def test_a_head_in_fp32_is_left_alone() -> None:
    assert type(head.use(tiny.model()).lm_head) is torch.nn.Linear
