"""fp32 linear layers by oneDNN instead of PyTorch's default, MKL, which leaves half of a CPU that is not Intel's idle.

On an AMD EPYC (Zen 5) oneDNN multiplies 260 GFLOP/s a core and MKL 115; batches of 24 rows 185 and 95. Both are full
fp32: they sum in different orders, so results differ in the last bits, and no more. The operation has no gradient, so
it is not for training; weights of another type are left alone.
"""

from functools import cache
from typing import Any

import torch
from torch.nn import Linear
from torch.nn.functional import linear


class OneDnnLinear(Linear):
    """A linear layer whose fp32 products are oneDNN's."""

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        """Return `input` (..., in_features) times the weights, (..., out_features)."""
        return product(input, self.weight, self.bias)


def product(input: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None) -> torch.Tensor:
    """Return `input` (..., in) times `weight` (out, in), plus `bias`: by oneDNN, if all is fp32 and it can be had."""
    if weight.dtype != torch.float32 or input.dtype != torch.float32 or input.device.type != "cpu" or not available():
        return linear(input, weight, bias)
    # The operation that TorchInductor puts in place of linear layers on a CPU.
    result: torch.Tensor = torch.ops.mkldnn._linear_pointwise(input, weight, bias, "none", [], "")
    return result


def use(model: Any) -> Any:
    """Turn the plain linear layers of `model` into OneDnnLinear where that can be had; return `model`."""
    if available():
        for module in model.modules():
            if type(module) is Linear:
                module.__class__ = OneDnnLinear
    return model


@cache
def available() -> bool:
    """Whether this is an x86 CPU, and PyTorch was built with oneDNN."""
    built: bool = torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
    return built and torch.backends.cpu.get_cpu_capability().startswith("AVX")
