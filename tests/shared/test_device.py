"""distill.shared.device: which type it is fast with (the machines are pretended), and what another one costs."""

from typing import Any

import pytest
import torch

from distill.shared import device


@pytest.mark.parametrize(
    ("kind", "bf16", "expected"),
    [
        ("cpu", None, torch.float32),
        ("cpu", "avx512_bf16", torch.bfloat16),
        ("cpu", "amx_bf16", torch.bfloat16),
        ("cpu", "avx512_vnni", torch.float32),  # multiplies int8
        ("cuda", None, torch.float32),
        ("cuda", "cuda", torch.bfloat16),
        ("cuda", "amx_bf16", torch.float32),  # the CPU's instructions are of no use to an old GPU
        ("mps", "amx_bf16", torch.float32),
    ],
)
def test_auto_is_bf16_only_where_the_hardware_multiplies_it(
    kind: str, bf16: str | None, expected: torch.dtype, pretend: Any
) -> None:
    pretend(kind, bf16)
    assert device.kind() == kind
    assert device.has_bf16() == (expected == torch.bfloat16)
    assert device.dtype("auto") == expected
    assert device.dtype("bfloat16") == torch.bfloat16  # a type that is asked for is taken
    assert device.dtype("float32") == torch.float32


def test_only_a_type_that_the_machine_is_slow_with_has_a_price(pretend: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    pretend("cpu", "avx512_bf16")
    assert device.slow_dtype("train.dtype", "bfloat16") is None
    pretend("cpu")
    assert device.slow_dtype("train.dtype", "auto") is None
    assert device.slow_dtype("train.dtype", "float32") is None
    monkeypatch.setattr(device, "speed", {torch.float32: 5e10, torch.bfloat16: 4e9}.__getitem__)
    line = device.slow_dtype("generate.dtype", "bfloat16")
    assert line is not None
    assert line.startswith("params.yaml: generate.dtype: bfloat16, and this machine has no instructions for it: ")
    assert "takes 12.5 times as long as with float32" in line
    assert "\n" not in line


def test_measuring_takes_a_moment_and_draws_no_random_numbers() -> None:
    before = torch.get_rng_state()
    # One product of 2·16·16·16 operations a second would be slower than any machine, 1e15 operations faster.
    assert 2 * 16**3 < device.speed(torch.float32, size=16, seconds=0) < 1e15
    assert torch.equal(torch.get_rng_state(), before)
