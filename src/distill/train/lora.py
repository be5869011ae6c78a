"""The LoRA adapter: how it is added to a student, and saved as a folder that any machine can load."""

import hashlib
import json
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from distill.common.errors import InputError
from distill.common.jsonl import write_json
from distill.shared import device
from distill.student.model import StudentProfile

if TYPE_CHECKING:
    from distill.common.config import Strings
    from distill.train.params import LoraParams

CONFIG = "adapter_config.json"
WEIGHTS = "adapter_model.safetensors"


def add(model: Any, params: "LoraParams") -> Any:
    """Return `model` with a new LoRA adapter: fp32 adapter weights, everything else frozen.

    Raises:
        InputError: The model has no such target module, or the options cannot be combined.
    """
    from peft import LoraConfig, get_peft_model

    _check_targets(model, params.targets)
    config = LoraConfig(
        task_type="CAUSAL_LM",
        r=params.r,
        lora_alpha=params.alpha,
        lora_dropout=params.dropout,
        target_modules=params.targets if isinstance(params.targets, str) else list(params.targets),
        use_rslora=params.rslora,
        use_dora=params.dora,
        init_lora_weights=True if params.init == "default" else params.init,
    )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # PEFT uses a deprecated name of transformers
            return get_peft_model(model, config)
    except ValueError as error:
        reason = " ".join(str(error).split())[:200]
        raise InputError(f"params.yaml: train.lora: {reason}; fix 'targets' or the options") from None


def _check_targets(model: Any, targets: "Strings | str") -> None:
    """Refuse a name that no module has: PEFT would silently adapt only the others, as where q, k and v are fused."""
    import torch

    names = [name for name, _ in model.named_modules()]
    wanted = () if isinstance(targets, str) else targets
    missing = [target for target in wanted if not any(f".{name}".endswith(f".{target}") for name in names)]
    if missing:
        head = model.get_output_embeddings()
        linear = {name.rpartition(".")[2] for name, module in model.named_modules()
                  if isinstance(module, torch.nn.Linear) and module is not head}  # fmt: skip
        raise InputError(f"params.yaml: train.lora.targets: this student has no {', '.join(missing)}; "
                         f"choose among {', '.join(sorted(linear))}, or all-linear")  # fmt: skip


def quantization(scheme: str | None) -> dict[str, Any]:
    """Return the options that load the base's weights in 4 bits (QLoRA's NF4), or no options.

    Raises:
        InputError: The device or a package that this needs is missing.
    """
    if scheme is None:
        return {}
    if not device.can_quantize():
        raise InputError("params.yaml: train.quantization: needs a CUDA device and the package bitsandbytes; "
                         "set it to null, or `pip install bitsandbytes` on such a machine")  # fmt: skip
    from transformers import BitsAndBytesConfig

    config = BitsAndBytesConfig(load_in_4bit=True, bnb_4bit_quant_type=scheme, bnb_4bit_use_double_quant=True,
                                bnb_4bit_compute_dtype=device.dtype("auto"))  # fmt: skip
    # The trainer does not move such weights: each process loads them to the GPU that it will train on.
    return {"quantization_config": config, "device_map": {"": device.own_gpu()}}


def trainable(model: Any) -> dict[str, Any]:
    """Return the trainable parameters by name."""
    return {name: parameter for name, parameter in model.named_parameters() if parameter.requires_grad}


def gather(model: Any) -> dict[str, Any]:
    """Return the values of the trainable parameters by name, complete and on the CPU.

    Where each process has a shard of the weights (FSDP), all processes have to call this.
    """
    values = {name: parameter.detach() for name, parameter in sorted(trainable(model).items())}
    return {name: (part.full_tensor() if hasattr(part, "full_tensor") else part).cpu() for name, part in values.items()}


def digest(values: dict[str, Any]) -> str:
    """Return a hash of what `gather` returned."""
    result = hashlib.sha256()
    for name, value in sorted(values.items()):
        result.update(name.encode())
        result.update(value.float().contiguous().numpy().tobytes())
    return result.hexdigest()


def save(model: Any, values: dict[str, Any], folder: Path, student: StudentProfile) -> None:
    """Write adapter_model.safetensors and adapter_config.json, the same bytes for the same weights on any machine.

    `values` are what `gather` returned; one process alone can write them.
    """
    model.peft_config["default"].base_model_name_or_path = student.identity
    # Without `save_embedding_layers=False` PEFT asks the hub whether the base's vocabulary was resized.
    model.save_pretrained(folder, state_dict=values, safe_serialization=True, save_embedding_layers=False)
    config = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
    # PEFT keeps the targets as a set, whose order changes from process to process.
    tidy = {key: sorted(value) if key == "target_modules" and isinstance(value, list) else value
            for key, value in sorted(config.items())}  # fmt: skip
    write_json(folder / CONFIG, tidy)
    (folder / WEIGHTS).chmod((folder / CONFIG).stat().st_mode)  # safetensors makes it readable only by its owner
