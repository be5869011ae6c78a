"""distill.shared.device: what is decided for each kind of machine (they are pretended), its memory, and its errors."""

import ast
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from distill.common.errors import InputError
from distill.shared import device
from distill.train import lora
from imports import PACKAGE, modules, tree


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


PIECES = """
import psutil, torch
from distill.shared import device

def megabytes():
    return psutil.Process().memory_info().rss / 1e6

{before}
torch.ones(5_000_000)  # and freed: the C library then takes blocks up to this size from its heap
blocks = [(torch.ones(500_000), torch.ones(1000)) for _ in range(100)]
full = megabytes()
kept = [small for _, small in blocks]  # one in each gap, so that no large block is at the heap's end
del blocks
{after}
print(full - megabytes())
"""


@pytest.mark.skipif(not device._has_glibc(), reason="how memory is given back is up to the C library")
@pytest.mark.parametrize(
    ("before", "after", "given_back"), [("", "", False), ("", "release", True), ("release_at_once", "", True)]
)
def test_what_is_freed_is_given_back(before: str, after: str, given_back: bool) -> None:
    calls = {name: f"device.{call}()" if call else "" for name, call in (("before", before), ("after", after))}
    done = subprocess.run([sys.executable, "-c", PIECES.format(**calls)], capture_output=True, text=True, check=True)
    assert (float(done.stdout) > 150) == given_back  # of 200 megabytes


def test_measuring_takes_a_moment_and_draws_no_random_numbers() -> None:
    before = torch.get_rng_state()
    # One product of 2·16·16·16 operations a second would be slower than any machine, 1e15 operations faster.
    assert 2 * 16**3 < device.speed(torch.float32, size=16, seconds=0) < 1e15
    assert torch.equal(torch.get_rng_state(), before)


BF16, FP32 = torch.bfloat16, torch.float32
DECISIONS = {
    # machine: (kind, instructions for bf16), auto, mixed precision with auto, placement, pinned, nf4, batches at once
    "no GPU, AVX2": (("cpu", None), FP32, False, {}, False, False, 4),
    "no GPU, AMX": (("cpu", "amx_bf16"), BF16, False, {}, False, False, 4),
    "a GPU with bf16": (("cuda", "cuda"), BF16, True, {"device_map": "cuda"}, True, True, 1),
    "a GPU with fp16 alone": (("cuda", None), FP32, False, {"device_map": "cuda"}, True, True, 1),
    "MPS": (("mps", None), FP32, False, {"device_map": "mps"}, False, False, 1),
}


@pytest.mark.parametrize("machine", DECISIONS)
def test_decisions(machine: str, pretend: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    (kind, bf16), auto, autocasts, placement, pins, nf4, at_once = DECISIONS[machine]
    pretend(kind, bf16)
    monkeypatch.setattr(device.importlib.util, "find_spec", lambda name: object())  # bitsandbytes is installed
    monkeypatch.setattr(torch, "get_num_threads", lambda: 8)
    assert device.is_gpu() == (kind != "cpu")
    assert device.dtype("auto") == auto
    assert device.autocasts(device.dtype("auto")) == autocasts
    assert not device.autocasts(FP32)
    assert device.placement() == placement
    assert device.pins_memory() == pins
    assert device.can_quantize() == nf4
    assert device.batches_at_once(6, most=4) == at_once
    monkeypatch.setattr(device.importlib.util, "find_spec", lambda name: None)
    assert not device.can_quantize()


def test_of_several_gpus_a_process_looks_at_its_own(pretend: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    pretend("cuda", "cuda")
    monkeypatch.setattr(device.importlib.util, "find_spec", lambda name: object())  # bitsandbytes is installed
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda index: ([10, 20, 30][index], 40))
    assert device.own_gpu() == 0
    assert device.free_memory() == 10
    monkeypatch.setenv("LOCAL_RANK", "2")
    assert device.own_gpu() == 2
    assert device.free_memory() == 30
    # Weights in 4 bits are not moved any more, so they are loaded to it.
    assert lora.quantization("nf4")["device_map"] == {"": 2}


@pytest.mark.parametrize(
    ("machine", "visible", "expected"),
    [
        ("cpu", None, [{}, {}]),
        ("mps", None, [{}, {}]),
        ("cuda", None, [{"CUDA_VISIBLE_DEVICES": "0"}, {"CUDA_VISIBLE_DEVICES": "1"}]),
        ("cuda", "5,GPU-8932f937,7", [{"CUDA_VISIBLE_DEVICES": "5"}, {"CUDA_VISIBLE_DEVICES": "GPU-8932f937"}]),
    ],
)
def test_each_of_several_processes_has_a_gpu_of_its_own(
    machine: str, visible: str | None, expected: list[dict[str, str]], pretend: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    pretend(machine)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 3)
    if visible:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert device.environments(2) == expected
    if machine == "cuda":
        with pytest.raises(InputError, match=r"generate_processes: 4 processes, and 3 GPUs that they may use"):
            device.environments(4)


def test_mps_has_what_the_system_lets_it_have(pretend: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    pretend("mps")
    monkeypatch.setattr(torch.mps, "recommended_max_memory", lambda: 100)
    monkeypatch.setattr(torch.mps, "driver_allocated_memory", lambda: 30)
    assert device.free_memory() == 70


def test_no_other_module_names_cuda_or_mps() -> None:
    named = []
    for path in modules():
        for node in ast.walk(tree(path)):
            name = node.value if isinstance(node, ast.Constant) else getattr(node, "attr", None)
            if name in ("cuda", "mps", "OutOfMemoryError"):
                named.append(path.relative_to(PACKAGE).as_posix())
    assert set(named) == {"shared/device.py"}


def test_a_cpu_has_the_memory_that_this_machine_has() -> None:
    whole = device.psutil.virtual_memory().total + device.psutil.swap_memory().total
    assert 0 < device.free_memory() <= whole
    assert 0 < device.peak_memory() < whole


def group(folder: Path, **files: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(text + "\n")


def test_a_container_s_limit_counts_and_its_cached_files_do_not(tmp_path: Path) -> None:
    own = tmp_path / "cgroup"
    own.write_text("0::/jobs/mine\n")
    group(tmp_path / "v2/jobs", memory__max="1000", memory__current="700", memory__stat="anon 500\nfile 150")
    group(tmp_path / "v2/jobs/mine", memory__max="max", memory__current="600", memory__stat="anon 450\nfile 150")
    assert list(device._rooms(tmp_path / "v2", own)) == [1000 - 700 + 150]
    own.write_text("5:memory:/box\n4:cpu:/other\n")
    group(tmp_path / "v1/memory/box", memory__limit_in_bytes="900", memory__usage_in_bytes="400",
          memory__stat="cache 5\ntotal_cache 50")  # fmt: skip
    assert list(device._rooms(tmp_path / "v1", own)) == [900 - 400 + 50]
    assert list(device._rooms(tmp_path / "v1", tmp_path / "missing")) == []


def test_errors_of_memory_are_told_from_others() -> None:
    with pytest.raises(RuntimeError) as caught:
        torch.empty(2**55)
    assert device.is_out_of_memory(caught.value)
    assert device.is_out_of_memory(torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20 GiB"))
    for text in (
        "MPS backend out of memory (MPS allocated: 9 GB)",
        "CUDA error: out of memory\nCompile with `TORCH_USE_CUDA_DSA`",
        "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`",
    ):
        assert device.is_out_of_memory(RuntimeError(text))
    assert not device.is_out_of_memory(RuntimeError("size mismatch"))
