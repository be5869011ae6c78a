"""What the machine is fast at: the device, whether it multiplies bf16 by itself, and how fast it multiplies at all."""

import math
import time

import torch


def kind() -> str:
    """Return the kind of device that models run on: cuda, mps or cpu."""
    return "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"


def has_bf16() -> bool:
    """Whether it multiplies bf16 matrices faster than fp32: a GPU that can, a CPU with AVX512-BF16 or AMX."""
    device = kind()
    if device == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    capabilities = torch.cpu.get_capabilities()
    return device == "cpu" and any(capabilities.get(name, False) for name in ("avx512_bf16", "amx_bf16"))


def dtype(choice: str) -> torch.dtype:
    """Return the type of weights that `dtype` in params.yaml chooses; `auto` is the one that it is fastest with."""
    if choice == "auto":
        choice = "bfloat16" if has_bf16() else "float32"
    return getattr(torch, choice)  # type: ignore[no-any-return]


def speed(dtype: torch.dtype, size: int = 1024, seconds: float = 0.3) -> float:
    """Return how many floating-point operations it does in a second: the best product of square matrices of this size.

    The best, because other work on the machine makes single ones many times as slow. It takes about `seconds`, or two
    products where they take longer, and draws no random numbers.
    """
    square = torch.ones(size, size, dtype=dtype, device=kind())
    _multiply(square)  # the first one takes longer
    begin, best = time.perf_counter(), math.inf
    while math.isinf(best) or time.perf_counter() - begin < seconds:
        best = min(best, _multiply(square))
    return 2 * size**3 / best


def slow_dtype(key: str, choice: str) -> str | None:
    """Return a line that says what the weights' type costs that `key` of params.yaml asks for, if it costs anything."""
    if choice != "bfloat16" or has_bf16():
        return None
    times = speed(torch.float32) / speed(torch.bfloat16)
    return (f"params.yaml: {key}: bfloat16, and this machine has no instructions for it: a matrix product takes "
            f"{times:.1f} times as long as with float32, which `auto` would choose")  # fmt: skip


def _multiply(square: torch.Tensor) -> float:
    begin = time.perf_counter()
    (square @ square)[0, 0].item()  # waits for the product where others would only queue it
    return time.perf_counter() - begin
