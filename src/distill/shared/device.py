"""The machine: its device, the type that it is fast with, its memory. All that depends on CUDA or MPS is decided here.

No other module names them (`tests/shared/test_device.py`, which has the decisions as a table). What is not decided here
is left to transformers, accelerate and TRL.
"""

import ctypes
import importlib.util
import math
import os
import re
import resource
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import torch

from distill.common.errors import InputError

GROUPS, OWN_GROUPS = Path("/sys/fs/cgroup"), Path("/proc/self/cgroup")
LIMITS = (
    ("memory.max", "memory.current", "file"),
    ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_cache"),
)
"""Names of limit, use, and cached files in the control groups of versions 2 and 1."""
M_MMAP_THRESHOLD = -3
"""The C library's name for the size from which a block is no part of the heap (malloc.h)."""
LARGE = 2**20


def kind() -> str:
    """Return the kind of device that models run on: cuda, mps or cpu."""
    return "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"


def is_gpu() -> bool:
    """Whether it is a GPU: it takes several examples at a time, has memory of its own limits, and no idle cores."""
    return kind() != "cpu"


def has_bf16() -> bool:
    """Whether it multiplies bf16 matrices faster than fp32: a GPU that can, a CPU with AVX512-BF16 or AMX."""
    device = kind()
    if device == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    capabilities = torch.cpu.get_capabilities()
    return device == "cpu" and any(capabilities.get(name, False) for name in ("avx512_bf16", "amx_bf16"))


def dtype(choice: str) -> torch.dtype:
    """Return the type of weights that `dtype` in params.yaml chooses; `auto` is the one that it is fastest with.

    That is never fp16, also where a GPU has it and not bf16: some students' activations overflow in it, and training
    in it takes a scaled loss. So it has to be asked for.
    """
    if choice == "auto":
        choice = "bfloat16" if has_bf16() else "float32"
    return getattr(torch, choice)  # type: ignore[no-any-return]


def autocasts(weights: torch.dtype) -> bool:
    """Whether training runs in TRL's mixed precision, bf16 products on fp32 adapters: on a GPU, with bf16 weights.

    On a CPU this program's own kernels choose the types.
    """
    return is_gpu() and weights == torch.bfloat16


def placement() -> dict[str, str]:
    """Return the keywords by which `from_pretrained` loads weights straight to a GPU, without a copy in main memory."""
    return {"device_map": kind()} if is_gpu() else {}


def own_gpu() -> int:
    """Return which of several GPUs is this process's: the launcher gives each process one."""
    return int(os.environ.get("LOCAL_RANK", "0"))


def pins_memory() -> bool:
    """Whether a batch is copied to it faster from pinned memory."""
    return kind() == "cuda"


def can_quantize() -> bool:
    """Whether weights can be held in 4 bits: by bitsandbytes, on CUDA."""
    return kind() == "cuda" and importlib.util.find_spec("bitsandbytes") is not None


def has_flash_attention(weights: torch.dtype) -> bool:
    """Whether several examples can be one sequence, and attend each to itself alone: with FlashAttention, on CUDA.

    Anywhere else they would need a mask of the sequence's length squared, which costs more than padding.
    """
    installed = importlib.util.find_spec("flash_attn") is not None
    return kind() == "cuda" and weights in (torch.bfloat16, torch.float16) and installed


def batches_at_once(batches: int, most: int) -> int:
    """Return how many of so many batches run side by side: one on a GPU, on a CPU one a core and at most `most`."""
    return 1 if is_gpu() else max(1, min(batches, torch.get_num_threads(), most))


def environments(processes: int) -> list[dict[str, str]]:
    """Return, for each of so many processes of this machine, the variables that give it a GPU of its own.

    There are none on a CPU, whose cores they share, nor on MPS, which is one GPU.

    Raises:
        InputError: There are fewer GPUs.
    """
    if kind() != "cuda":
        return [{} for _ in range(processes)]
    gpus = os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",")
    if gpus == [""]:
        gpus = [str(number) for number in range(torch.cuda.device_count())]
    if processes > len(gpus):
        raise InputError(f"params.yaml: runtime.generate_processes: {processes} processes, and {len(gpus)} GPUs that "
                         "they may use; each takes one: lower it")  # fmt: skip
    return [{"CUDA_VISIBLE_DEVICES": gpu} for gpu in gpus[:processes]]


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


def free_memory() -> int:
    """Return how many bytes a model can still have on this process's device; on a CPU, with swap space."""
    device = kind()
    if device == "cuda":
        return int(torch.cuda.mem_get_info(own_gpu())[0])
    if device == "mps":
        return int(torch.mps.recommended_max_memory() - torch.mps.driver_allocated_memory())
    machine = int(psutil.virtual_memory().available + psutil.swap_memory().free)
    return min(machine, *_rooms(GROUPS, OWN_GROUPS))


def peak_memory() -> int:
    """Return how many bytes this process has had at most on its device; on a CPU, its largest resident set."""
    device = kind()
    if device == "cuda":
        return int(torch.cuda.max_memory_allocated())
    if device == "mps":
        return int(torch.mps.driver_allocated_memory())  # what it has now: PyTorch keeps no peak, and frees little
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def release() -> None:
    """Give back what was freed of its memory: what is needed next is of other sizes, and would come on top of it."""
    device = kind()
    if device == "cuda":
        torch.cuda.empty_cache()
    elif device == "mps":
        torch.mps.empty_cache()
    elif _has_glibc():
        ctypes.CDLL(None).malloc_trim(0)


def release_at_once() -> None:
    """On a CPU, have all that is freed from now on given back at once, so that the heap does not get into pieces.

    Activations of every size come and go, and pieces can take as much again as they do. It costs time, since the system
    clears every page anew.
    """
    if not is_gpu() and _has_glibc():
        ctypes.CDLL(None).mallopt(M_MMAP_THRESHOLD, LARGE)


def _has_glibc() -> bool:
    return sys.platform == "linux" and hasattr(ctypes.CDLL(None), "malloc_trim")


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that the device's memory did not suffice.

    PyTorch's allocator on CUDA has a class for it; MPS, the CPU, and what CUDA's own libraries take have a text.
    """
    texts = ("MPS backend out of memory", "DefaultCPUAllocator: ", "CUDA error: out of memory", "_STATUS_ALLOC_FAILED")
    return isinstance(error, torch.OutOfMemoryError) or any(text in str(error) for text in texts)


def _rooms(root: Path, own: Path) -> Iterator[int]:
    """Yield what each limit on this process's control groups (a container's, a job's) leaves; cached files are free.

    Args:
        root: Where control groups are mounted: version 2, or version 1 with a folder `memory`.
        own: The file that names those of this process; a group's limit binds the groups in it.
    """
    names = re.findall(r"^\d+:(?:memory)?:/(.*)$", own.read_text(), re.MULTILINE) if own.exists() else []
    groups = {group for name in names for group in (Path(name), *Path(name).parents)}
    for folder in (mount / group for mount in (root, root / "memory") for group in groups):
        for limit, used, cached in LIMITS:
            try:
                counts = dict(line.split() for line in (folder / "memory.stat").read_text().splitlines())
                yield int((folder / limit).read_text()) - int((folder / used).read_text()) + int(counts[cached])
            except (OSError, ValueError, KeyError):
                continue  # another version's names, or no limit ("max")


def _multiply(square: torch.Tensor) -> float:
    begin = time.perf_counter()
    (square @ square)[0, 0].item()  # waits for the product where others would only queue it
    return time.perf_counter() - begin
