"""The adapter as a GGUF LoRA file, which llama.cpp and Ollama apply to a GGUF file of the base.

In: the adapter's folder and the selected student. Out: one file, its tensors named as llama.cpp names the base's, in
fp32. The format is llama.cpp's (its `src/llama-adapter.cpp` reads it): the product B·A is scaled by alpha over the
rank, and the rows of a Llama's q and k are ordered as its rotary embedding takes them: the halves of a head
interleaved, not one behind the other.

What the format cannot hold (DoRA, anything but LoRA matrices of the layers) and families whose names are not known
here are refused.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from math import sqrt
from pathlib import Path
from typing import Any

from distill.common.errors import InputError
from distill.common.jsonl import read_json
from distill.student.model import StudentProfile

ARCHITECTURES = {
    "gemma": "gemma",
    "gemma2": "gemma2",
    "gemma3_text": "gemma3",
    "llama": "llama",
    "mistral": "llama",
    "phi3": "phi3",
    "qwen2": "qwen2",
    "qwen3": "qwen3",
}
"""What llama.cpp calls the families of transformers (`model_type`) that it runs with the same tensors."""
ELSEWHERE = "`python -m distill.merge` writes it merged into the weights"


@dataclass(frozen=True)
class Base:
    """What of a student's configuration decides how llama.cpp names and orders its tensors."""

    architecture: str
    layers: int
    head_dim: int


def base_of(config: Any, student: StudentProfile) -> Base:
    """Return it.

    Raises:
        InputError: The student is of a family that is not known here.
    """
    if config.model_type not in ARCHITECTURES:
        raise InputError(f"params.yaml: students: {student.identity} is of the family {config.model_type}, whose "
                         f"tensors' names in llama.cpp are not known here ({', '.join(ARCHITECTURES)} are); "
                         f"{ELSEWHERE}, which llama.cpp's own converter may know")  # fmt: skip
    head_dim = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    return Base(ARCHITECTURES[config.model_type], config.num_hidden_layers, head_dim)


def write(path: Path, adapter: Path, student: StudentProfile, base: Base) -> None:
    """Write the file.

    Args:
        path: Where to.
        adapter: A folder that holds an adapter of `student`.
        student: The base's name and licence.
        base: What `base_of` returned of it.

    Raises:
        InputError: The adapter cannot be had in this format.
    """
    import gguf

    config = read_json(adapter / "adapter_config.json")
    if config.get("use_dora"):
        raise InputError(f"{adapter}: a DoRA adapter, which llama.cpp cannot apply; {ELSEWHERE}")
    writer = gguf.GGUFWriter(path, base.architecture)
    writer.add_type(gguf.GGUFType.ADAPTER)
    writer.add_string(gguf.Keys.Adapter.TYPE, "lora")
    writer.add_float32(gguf.Keys.Adapter.LORA_ALPHA, _alpha(config))
    writer.add_name(f"LoRA adapter for {student.base_model}")
    writer.add_license(student.license)
    for name, values in tensors(adapter, base):
        writer.add_tensor(name, values)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def tensors(adapter: Path, base: Base) -> Iterator[tuple[str, Any]]:
    """Yield the adapter's matrices as llama.cpp has them: names, and values as arrays of fp32.

    Raises:
        InputError: The adapter holds something else.
    """
    import gguf
    from safetensors.torch import load_file

    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH[base.architecture.upper()], base.layers)
    file = adapter / "adapter_model.safetensors"
    for key, tensor in load_file(file).items():
        module, _, matrix = key.removeprefix("base_model.model.").removesuffix(".weight").rpartition(".")
        name = names.get_name(module)
        if matrix not in ("lora_A", "lora_B") or name is None or not name.startswith("blk."):
            raise InputError(f"{file}: {key} is not a LoRA matrix of a layer that llama.cpp can apply; {ELSEWHERE}")
        values = tensor.float().numpy()
        if matrix == "lora_B" and base.architecture == "llama" and name.endswith(("attn_q", "attn_k")):
            values = _interleave(values, base.head_dim)
        yield f"{name}.weight.{matrix.lower()}", values


def _alpha(config: dict[str, Any]) -> float:
    """Return the alpha that llama.cpp, which divides it by the rank, makes the adapter's scale of."""
    return float(config["lora_alpha"] * (sqrt(config["r"]) if config.get("use_rslora") else 1))


def _interleave(rows: Any, head_dim: int) -> Any:
    """Return the rows of each head in the order first of one half, first of the other, second, second, ..."""
    heads = rows.reshape(-1, 2, head_dim // 2, rows.shape[-1])
    return heads.swapaxes(1, 2).reshape(rows.shape)
