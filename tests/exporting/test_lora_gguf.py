"""distill.exporting.lora_gguf: the real llama.cpp gives, with the file, the ids that transformers gives with PEFT."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gguf
import pytest
import torch
from transformers import AutoConfig, AutoModelForCausalLM

import gguf_files
import llama_server
import tiny
from distill.common.errors import InputError
from distill.exporting.lora_gguf import Base, base_of, write
from distill.student.model import StudentProfile

PROMPT = [4, 5, 6, 7, 8]
GEMMA = {"query_pre_attn_scalar": 16, "sliding_window": 128}
FAMILIES: dict[str, dict[str, Any]] = {
    "llama": {},
    "mistral": {"num_key_value_heads": 1},
    "qwen2": {"tie_word_embeddings": True},
    "qwen3": {},
    "gemma": {},
    "gemma2": GEMMA,
    "gemma3_text": GEMMA,
    "phi3": {},
}
LLAMA = Base("llama", 2, 16)


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """The models are too small for two, which would wait for each other more than they compute."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def random_model(family: str) -> Any:
    """A model of two layers whose weights, biases and norms are all random."""
    torch.manual_seed(0)
    common = {
        "vocab_size": tiny.WORDS, "hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 2,
        "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 16, "max_position_embeddings": 256,
        "initializer_range": 0.3, "eos_token_id": tiny.END, "bos_token_id": None, "pad_token_id": tiny.PAD,
    }  # fmt: skip
    model = AutoModelForCausalLM.from_config(AutoConfig.for_model(family, **common | FAMILIES[family])).eval()
    for weights in model.parameters():
        if weights.dim() == 1:
            torch.nn.init.uniform_(weights, 0, 4)
    return model


def greedy(model: Any, count: int) -> list[int]:
    ids = list(PROMPT)
    with torch.inference_mode():
        while len(ids) < len(PROMPT) + count and ids[-1] != tiny.END:
            ids.append(int(model(torch.tensor([ids])).logits[0, -1].argmax()))
    return ids[len(PROMPT) :]


def peft(model: Any, folder: Path) -> Any:
    from peft import PeftModel

    return PeftModel.from_pretrained(model, str(folder)).eval()


@pytest.mark.filterwarnings("ignore")  # PEFT asks transformers for something by an old name
@pytest.mark.parametrize("family", FAMILIES)
def test_llama_cpp_applies_it(family: str, tmp_path: Path) -> None:
    model, name = random_model(family), StudentProfile(source="dir", name="x", base_model=family, license="mit")
    base = greedy(model, 20)
    options = {"target_modules": "all-linear", "use_rslora": family == "qwen3"}
    folder = tiny.adapter(tmp_path / "adapter", name, base=random_model(family), **options)
    adapted = greedy(peft(model, folder), 20)
    gguf_files.write_model(random_model(family), tmp_path / "base.gguf")
    write(tmp_path / "lora.gguf", folder, name, base_of(model.config, name))
    with llama_server.serve(tmp_path / "base.gguf", tmp_path / "lora.gguf", context=256) as server:
        assert server.greedy(PROMPT, 20, lora=None) == base
        assert server.greedy(PROMPT, 20, lora=0) == adapted
    assert adapted != base


def test_what_the_file_says(student: StudentProfile, adapter: Path, tmp_path: Path) -> None:
    write(tmp_path / "lora.gguf", adapter, student, LLAMA)
    reader = gguf.GGUFReader(tmp_path / "lora.gguf")
    said = {name: field.contents() for name, field in reader.fields.items() if not name.startswith("GGUF.")}
    assert said == {
        "general.architecture": "llama", "general.type": "adapter", "adapter.type": "lora", "adapter.lora.alpha": 8.0,
        "general.name": "LoRA adapter for tiny", "general.license": "x",
    }  # fmt: skip
    shapes = {tensor.name: tuple(map(int, tensor.shape)) for tensor in reader.tensors}
    assert shapes["blk.1.attn_q.weight.lora_a"] == (64, 4)
    assert shapes["blk.1.attn_q.weight.lora_b"] == (4, 64)
    assert len(shapes) == 8


def test_the_rank_stabilised_scale(student: StudentProfile, tmp_path: Path) -> None:
    folder = tiny.adapter(tmp_path / "adapter", student, use_rslora=True, r=4, lora_alpha=8)
    write(tmp_path / "lora.gguf", folder, student, LLAMA)
    # PEFT scales by 8 / √4, and llama.cpp by what stands there over 4.
    assert gguf.GGUFReader(tmp_path / "lora.gguf").fields["adapter.lora.alpha"].contents() == 16.0


def test_dora_is_refused(student: StudentProfile, tmp_path: Path) -> None:
    folder = tiny.adapter(tmp_path / "adapter", student, use_dora=True)
    with pytest.raises(InputError, match=r"a DoRA adapter, which llama.cpp cannot apply; `python -m distill.merge`"):
        write(tmp_path / "lora.gguf", folder, student, LLAMA)


@pytest.mark.parametrize("target", ["lm_head", "embed_tokens"])
def test_what_is_not_in_a_layer_is_refused(student: StudentProfile, tmp_path: Path, target: str) -> None:
    folder = tiny.adapter(tmp_path / "adapter", student, target_modules=["q_proj", target])
    with pytest.raises(InputError, match=rf"{target}.* is not a LoRA matrix of a layer that llama.cpp can apply"):
        write(tmp_path / "lora.gguf", folder, student, LLAMA)


def test_an_unknown_family_is_refused(student: StudentProfile) -> None:
    with pytest.raises(InputError, match=r"is of the family gpt2, whose tensors' names in llama.cpp are not"):
        base_of(AutoConfig.for_model("gpt2"), student)


def test_the_size_of_a_head(student: StudentProfile) -> None:
    config = json.loads((Path(student.name) / "config.json").read_text())
    assert base_of(AutoConfig.for_model(**config), student) == LLAMA
