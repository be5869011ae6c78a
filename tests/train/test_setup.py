"""distill.train.setup: what each kind of machine computes with. The machines are pretended."""

from typing import Any

import pytest
import torch

from distill.common.config import parse
from distill.common.errors import InputError
from distill.train import setup as setups
from distill.train.params import TrainParams
from training import params

SMALL, BIG = 1_000, 2_000_000_000
"""Numbers of parameters: below and above what makes compilation or checkpointing pay."""


def train_params(**changes: Any) -> TrainParams:
    return parse(TrainParams, params(**({"compile": "auto"} | changes)), "params.yaml")


@pytest.fixture
def machine(pretend: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Pretend a machine: its kind of device, instructions for bf16, processes, a compiler."""

    def all_of_it(kind: str, bf16: str | None = None, processes: int = 1, compiler: bool = True) -> None:
        pretend(kind, bf16)
        monkeypatch.setenv("WORLD_SIZE", str(processes))
        monkeypatch.setattr(setups.shutil, "which", lambda name: "/usr/bin/g++" if compiler else None)

    return all_of_it


def test_the_setup_takes_the_type_of_params_yaml(machine: Any) -> None:
    machine("cpu", "amx_bf16")
    assert setups.choose(train_params(dtype="auto"), SMALL, 1).dtype == torch.bfloat16
    assert setups.choose(train_params(dtype="float32"), SMALL, 1).dtype == torch.float32


def test_a_cpu_takes_one_example_at_a_time_and_compiles_long_runs(machine: Any) -> None:
    machine("cpu")
    setup = setups.choose(train_params(batch_size=8), SMALL, 1_000)
    assert (setup.device, setup.micro_batch, setup.accumulation) == ("cpu", 1, 8)
    assert (setup.compile, setup.checkpointing) == (False, False)
    assert setups.choose(train_params(), BIG, 100_000).compile
    assert not setups.choose(train_params(), BIG, 100_000).checkpointing
    machine("cpu", compiler=False)
    assert not setups.choose(train_params(), BIG, 100_000).compile


@pytest.mark.parametrize(("batch", "processes", "micro"), [(8, 1, 4), (6, 1, 2), (7, 1, 1), (8, 4, 2)])
def test_a_gpu_takes_up_to_four_examples_at_a_time(batch: int, processes: int, micro: int, machine: Any) -> None:
    machine("cuda", "cuda", processes)
    setup = setups.choose(train_params(batch_size=batch), BIG, 100_000)
    assert (setup.processes, setup.micro_batch) == (processes, micro)
    assert setup.micro_batch * setup.accumulation * setup.processes == batch
    assert (setup.compile, setup.checkpointing) == (False, True)
    assert not setups.choose(train_params(batch_size=batch), SMALL, 100_000).checkpointing
    assert not setups.choose(train_params(batch_size=batch, gradient_checkpointing=False), BIG, 1).checkpointing


PACKS = {
    # machine: (kind, instructions for bf16), weights' type, FlashAttention is installed, examples a batch, packs
    "CUDA and FlashAttention": (("cuda", "cuda"), "auto", True, 8, True),
    "in fp32, which it does not know": (("cuda", None), "auto", True, 8, False),
    "one example a forward pass": (("cuda", "cuda"), "auto", True, 7, False),
    "CUDA without it": (("cuda", "cuda"), "auto", False, 8, False),
    "MPS": (("mps", None), "bfloat16", True, 8, False),
    "a CPU": (("cpu", "amx_bf16"), "auto", True, 8, False),
}


@pytest.mark.parametrize("name", PACKS)
def test_examples_are_one_sequence_only_where_flash_attention_keeps_them_apart(
    name: str, machine: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    (kind, bf16), dtype, installed, batch, packs = PACKS[name]
    machine(kind, bf16)
    monkeypatch.setattr(setups.device.importlib.util, "find_spec", lambda module: object() if installed else None)
    setup = setups.choose(train_params(batch_size=batch, dtype=dtype), SMALL, 1)
    assert setup.packing == packs
    assert ("packing" in setup.describe()) == packs


def test_a_batch_that_cannot_be_shared_out(machine: Any) -> None:
    machine("cuda", "cuda", 3)
    with pytest.raises(InputError, match="8 examples cannot be divided evenly among 3 processes"):
        setups.choose(train_params(batch_size=8), SMALL, 1)
    machine("cpu", processes=2)
    with pytest.raises(InputError, match="micro_batch: 8 does not divide 4, a process's share"):
        setups.choose(train_params(batch_size=8, micro_batch=8), SMALL, 1)


def test_compilation_without_a_compiler_is_refused(machine: Any) -> None:
    machine("cpu", compiler=False)
    with pytest.raises(InputError, match=r"train\.compile: no C\+\+ compiler found"):
        setups.choose(train_params(compile=True), SMALL, 1)
