"""distill.device: what each kind of machine computes with. The machines are pretended."""

from typing import Any

import pytest
import torch

from distill import device
from distill.config import parse
from distill.errors import InputError
from distill.train import TrainParams
from training import params

SMALL, BIG = 1_000, 2_000_000_000
"""Numbers of parameters: below and above what makes compilation or checkpointing pay."""


def train_params(**changes: Any) -> TrainParams:
    return parse(TrainParams, params(**({"compile": "auto"} | changes)), "params.yaml")


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Pretend a machine: its kind of device, instructions for bf16, processes, a compiler, FlashAttention."""

    def pretend(
        kind: str, bf16: str | None = None, processes: int = 1, compiler: bool = True, flash: bool = False
    ) -> None:
        monkeypatch.setattr(torch.cuda, "is_available", lambda: kind == "cuda")
        monkeypatch.setattr(torch.backends.mps, "is_available", lambda: kind == "mps")
        monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: bf16 == "cuda")
        capabilities = {"avx2": True, "avx512_f": True} | ({bf16: True} if bf16 else {"amx_bf16": False})
        monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities)
        monkeypatch.setenv("WORLD_SIZE", str(processes))
        monkeypatch.setattr(device.shutil, "which", lambda name: "/usr/bin/g++" if compiler else None)
        monkeypatch.setattr(device.importlib.util, "find_spec", lambda name: object() if flash else None)

    return pretend


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
    kind: str, bf16: str | None, expected: torch.dtype, machine: Any
) -> None:
    machine(kind, bf16)
    assert device.kind() == kind
    assert device.cpu_has_bf16() == (bf16 in ("avx512_bf16", "amx_bf16"))
    assert device.dtype(train_params(dtype="auto")) == expected
    assert device.choose(train_params(dtype="auto"), SMALL, 1).dtype == expected


@pytest.mark.parametrize("kind", ["cpu", "cuda"])
def test_a_type_that_is_asked_for_is_taken(kind: str, machine: Any) -> None:
    machine(kind, None)
    assert device.dtype(train_params(dtype="bfloat16")) == torch.bfloat16
    assert device.dtype(train_params(dtype="float32")) == torch.float32


def test_a_cpu_takes_one_example_at_a_time_and_compiles_long_runs(machine: Any) -> None:
    machine("cpu")
    setup = device.choose(train_params(batch_size=8), SMALL, 1_000)
    assert (setup.device, setup.micro_batch, setup.accumulation) == ("cpu", 1, 8)
    assert (setup.compile, setup.checkpointing, setup.flash) == (False, False, False)
    assert device.choose(train_params(), BIG, 100_000).compile
    assert not device.choose(train_params(), BIG, 100_000).checkpointing
    machine("cpu", compiler=False)
    assert not device.choose(train_params(), BIG, 100_000).compile


@pytest.mark.parametrize(("batch", "processes", "micro"), [(8, 1, 4), (6, 1, 2), (7, 1, 1), (8, 4, 2)])
def test_a_gpu_takes_up_to_four_examples_at_a_time(batch: int, processes: int, micro: int, machine: Any) -> None:
    machine("cuda", "cuda", processes, flash=True)
    setup = device.choose(train_params(batch_size=batch), BIG, 100_000)
    assert (setup.processes, setup.micro_batch) == (processes, micro)
    assert setup.micro_batch * setup.accumulation * setup.processes == batch
    assert (setup.compile, setup.checkpointing, setup.flash) == (False, True, True)
    assert not device.choose(train_params(batch_size=batch), SMALL, 100_000).checkpointing
    assert not device.choose(train_params(batch_size=batch, gradient_checkpointing=False), BIG, 1).checkpointing


def test_a_batch_that_cannot_be_shared_out(machine: Any) -> None:
    machine("cuda", "cuda", 3)
    with pytest.raises(InputError, match="8 examples cannot be shared out evenly among 3 processes"):
        device.choose(train_params(batch_size=8), SMALL, 1)
    machine("cpu", processes=2)
    with pytest.raises(InputError, match="micro_batch: 8 does not divide 4, a process's share"):
        device.choose(train_params(batch_size=8, micro_batch=8), SMALL, 1)


def test_compilation_without_a_compiler_is_refused(machine: Any) -> None:
    machine("cpu", compiler=False)
    with pytest.raises(InputError, match=r"train\.compile: no C\+\+ compiler found"):
        device.choose(train_params(compile=True), SMALL, 1)
