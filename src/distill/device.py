"""What the machine can do, and what that means for training: the weights' type, attention, padding.

`auto` chooses what was measured to be the fastest; it never makes a machine without bf16 instructions compute in bf16.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from distill.train import TrainParams


@dataclass(frozen=True)
class Setup:
    """How this run computes: `device` cpu, cuda or mps; `dtype` of the frozen weights; examples a forward pass."""

    device: str
    dtype: torch.dtype
    micro_batch: int

    @property
    def cpu(self) -> bool:
        """Whether the run is on the CPU."""
        return self.device == "cpu"

    def describe(self) -> str:
        """One line for the log."""
        return f"{self.device}, {str(self.dtype).removeprefix('torch.')}, {self.micro_batch} example(s) a forward pass"


def choose(params: "TrainParams") -> Setup:
    """Return the setup for `params` on this machine."""
    device = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    dtype = getattr(torch, params.dtype) if params.dtype != "auto" else _fastest_dtype(device)
    return Setup(device, dtype, 1)


def _fastest_dtype(device: str) -> torch.dtype:
    if device == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float32
    return torch.bfloat16 if device == "cpu" and cpu_has_bf16() else torch.float32


def cpu_has_bf16() -> bool:
    """Whether the CPU multiplies bf16 matrices faster than fp32 ones (AVX512-BF16 or AMX)."""
    capabilities = torch.cpu.get_capabilities()
    return any(capabilities.get(name, False) for name in ("avx512_bf16", "amx_bf16"))
