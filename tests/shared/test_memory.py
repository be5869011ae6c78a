"""distill.shared.memory: sizes by hand, activations as autograd keeps them, and the line that says what to change."""

from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM, LlamaConfig, Phi3Config, Qwen2Config, Qwen3Config

from distill.common.errors import InputError
from distill.shared import device, memory
from distill.shared.memory import Change, Size
from training import tiny_config

ATTENTION = ["q_proj", "k_proj", "v_proj", "o_proj"]
BF16, FP32 = torch.bfloat16, torch.float32


def test_the_size_of_a_model_that_is_never_made() -> None:
    size = Size.of(tiny_config())
    # Embedding and head, and two layers: q, o of 32², k, v of 32 · 16, three of 32 · 64, two norms; a last norm.
    matrices = 2 * (2 * 32**2 + 2 * 32 * 16 + 3 * 32 * 64)
    assert size.parameters == 2 * 64 * 32 + matrices + 5 * 32
    assert (size.layers, size.queries, size.keys, size.normed) == (2, 32, 16, 5 * 32)
    assert size.weights(BF16) == 2 * size.parameters
    assert size.weights(BF16, nf4=True) == pytest.approx(2 * (size.parameters - matrices) + 0.516 * matrices, rel=1e-3)
    assert size.cache(10, FP32) == 10 * 2 * 2 * 16 * 4
    assert sorted(size.targets(["q_proj", "v_proj"])) == [(32, 16), (32, 16), (32, 32), (32, 32)]
    assert len(size.targets("all-linear")) == 2 * 7


def test_a_student_of_one_and_a_half_thousand_million() -> None:
    # Qwen2.5-1.5B's shape; its model card says 1.54 B parameters, 1.31 B without the embedding, which is tied.
    config = Qwen2Config(vocab_size=151936, hidden_size=1536, intermediate_size=8960, num_hidden_layers=28,
                         num_attention_heads=12, num_key_value_heads=2, tie_word_embeddings=True)  # fmt: skip
    size = Size.of(config)
    assert size.parameters == 1_543_714_304
    # The reference run's adapter: 4.36 M parameters.
    assert sum(16 * (inputs + outputs) for inputs, outputs in size.targets(ATTENTION)) == 4_358_144
    assert size.cache(1, BF16) == 28_672


COMMON: dict[str, Any] = {
    "vocab_size": 64, "hidden_size": 64, "intermediate_size": 160, "num_attention_heads": 4, "num_key_value_heads": 2,
    "num_hidden_layers": 3, "max_position_embeddings": 256, "eos_token_id": 1, "pad_token_id": 0,
}  # fmt: skip


@pytest.mark.parametrize("dtype", [FP32, BF16])
@pytest.mark.parametrize(
    ("kind", "more"),
    [(LlamaConfig, {}), (Qwen2Config, {}), (Qwen3Config, {"head_dim": 16}), (Phi3Config, {})],
)
@pytest.mark.filterwarnings("ignore")  # PEFT asks transformers for something by an old name
def test_activations_are_what_autograd_keeps(kind: Any, more: dict[str, Any], dtype: torch.dtype) -> None:
    from peft import LoraConfig, get_peft_model

    config = kind(**COMMON, **more)
    names = [*ATTENTION, "qkv_proj"]
    torch.manual_seed(0)
    model = get_peft_model(
        AutoModelForCausalLM.from_config(config, dtype=dtype), LoraConfig(r=8, lora_dropout=0.1, target_modules=names)
    ).train()
    weights = {weight.untyped_storage().data_ptr() for weight in model.parameters()}
    kept: dict[int, torch.Tensor] = {}

    def keep(value: torch.Tensor) -> torch.Tensor:
        kept[value.untyped_storage().data_ptr()] = value
        return value

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda value: value):
        model.get_base_model().base_model(input_ids=torch.randint(2, 64, (2, 100)), use_cache=False)
    measured = sum(value.untyped_storage().nbytes() for place, value in kept.items() if place not in weights)
    # PyTorch's attention keeps no probabilities, as this program's kernel for CPUs does: a length of nothing.
    assert 200 * Size.of(config).activations(dtype, names, 8, length=0) == pytest.approx(measured, rel=0.1)


def test_a_cpu_keeps_probabilities_and_a_gpu_a_byte_of_mask(pretend: Any) -> None:
    size = Size.of(tiny_config())
    pretend("cpu")
    plain, long = (size.activations(BF16, ATTENTION, 8, length) for length in (0, 100))
    assert long - plain == 2 * 4 * 50 * 2  # layers, heads, half of the keys, bytes
    pretend("cuda")
    assert size.activations(BF16, ATTENTION, 8, 100) == plain - 2 * 3 * (32 + 32 + 32 + 32)


CHANGES = [Change("train.gradient_checkpointing to true", 8e9), Change("train.micro_batch to 1", 5e9)]


@pytest.mark.parametrize(
    ("free", "advice"),
    [
        (8.1e9, "set train.gradient_checkpointing to true (8.0 GB)"),
        (6e9, "set train.gradient_checkpointing to true and train.micro_batch to 1 (5.0 GB)"),
        (4e9, "choose a smaller student, for train.gradient_checkpointing to true and train.micro_batch to 1 would not "
              "do (5.0 GB)"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused_in_a_line(free: float, advice: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device, "free_memory", lambda: free)
    memory.check("train: q@1", free, CHANGES)
    with pytest.raises(InputError) as caught:
        memory.check("train: q@1", 9e9, CHANGES)
    head = f"params.yaml: train: q@1 takes about 9.0 GB of memory, and {free / 1e9:.1f} GB are free; "
    assert str(caught.value) == head + advice


def test_nothing_to_change_is_a_smaller_student(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device, "free_memory", lambda: 1e9)
    with pytest.raises(InputError, match=r"1\.0 GB are free; choose a smaller student$"):
        memory.check("generate: q@1", 2e9, [])


def test_memory_that_ends_on_the_way_is_a_line_as_well() -> None:
    with pytest.raises(InputError) as caught, memory.enough("train: q@1", lambda: CHANGES):
        torch.empty(2**55)
    assert str(caught.value) == (
        "params.yaml: train: q@1: out of memory; set train.gradient_checkpointing to true, or "
        "set train.micro_batch to 1, or choose a smaller student"
    )
    with pytest.raises(InputError), memory.enough("train: q@1", list):
        raise torch.OutOfMemoryError("CUDA out of memory.")
    with pytest.raises(RuntimeError, match="something else"), memory.enough("train: q@1", lambda: CHANGES):
        raise RuntimeError("something else")
