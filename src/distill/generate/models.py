"""One of the two models that are compared, the base or the distilled student, with its weights in memory once.

In: a student, its adapter's folder (or none: the base), and the weights' type. Out: a model (`load`) with the adapter
beside the weights, where it can be left out for a while (`as_side`), or added to them for good (`merge`), so that no
token pays for it. Whatever the weights' type, logits are fp32. An adapter that was trained on another base is refused.
"""

import warnings
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any, Literal

import torch

from distill.common.errors import InputError
from distill.common.jsonl import read_json
from distill.generate import feed_forward, head, onednn
from distill.shared import device
from distill.student import loading
from distill.student.model import StudentProfile, load_model

Side = Literal["base", "distilled"]
SIDES: tuple[Side, ...] = ("base", "distilled")
CONFIG, WEIGHTS = "adapter_config.json", "adapter_model.safetensors"


def check_adapter(folder: Path, student: StudentProfile) -> None:
    """Raise InputError unless `folder` holds an adapter for `student`; loads nothing."""
    if not (folder / WEIGHTS).is_file():
        raise InputError(f"{folder / WEIGHTS}: no adapter there; run `dvc repro train`")
    config = read_json(folder / CONFIG)
    base = config.get("base_model_name_or_path") if isinstance(config, dict) else None
    if base != student.identity:
        raise InputError(f"{folder / CONFIG}: the adapter was trained on {base}, and params.yaml selects "
                         f"{student.identity}; run `dvc repro train`, or select that student")  # fmt: skip


def load(student: StudentProfile, adapter: Path | None, dtype: torch.dtype | Literal["auto"]) -> Any:
    """Return the student on its device, with the adapter in a folder beside its weights if one is given.

    The weights are of type `dtype`; "auto" is the one that they are stored in.

    Raises:
        InputError: The student or the adapter cannot be loaded, or they do not belong together.
    """
    if adapter:
        check_adapter(adapter, student)
    model = load_model(student, dtype, **device.placement())
    loading.align(model)
    base = feed_forward.use(onednn.use(head.use(model)))
    return _load_adapter(base, adapter) if adapter else base


def as_side(model: Any, side: Side) -> AbstractContextManager[Any]:
    """Within it a model that was loaded with its adapter answers as `side`; its weights are never touched."""
    return nullcontext() if side == "distilled" else model.disable_adapter()


def merge(model: Any, dtype: torch.dtype | None = None) -> Any:
    """Add the adapter to the weights in place, and return the plain model; one without an adapter is that already.

    A layer at a time goes through fp32 and back to its type, so that sums are rounded once, and no second copy of the
    weights is made. What was merged is not unmerged: a difference of rounded sums is not what was there before.

    Args:
        model: What `load` returned.
        dtype: The weights' type afterwards; None: as it was.

    Raises:
        InputError: The adapter's numbers are not finite.
    """
    from peft import PeftModel
    from peft.tuners.tuners_utils import BaseTunerLayer

    for layer in filter(lambda module: isinstance(module, BaseTunerLayer), model.modules()):
        weight = layer.get_base_layer().weight
        kept = dtype or weight.dtype
        weight.data = weight.data.float()
        try:
            layer.merge(safe_merge=True)
        except ValueError:  # PEFT's check that the sums are finite
            raise InputError("the adapter's weights are not finite; run `dvc repro train`") from None
        weight.data = weight.data.to(kept)
    plain = model.unload() if isinstance(model, PeftModel) else model
    return plain.to(dtype) if dtype else plain


def _load_adapter(base: Any, folder: Path) -> Any:
    from peft import PeftModel

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            # PEFT only warns of weights that are missing, and goes on with random or zero ones.
            warnings.filterwarnings("error", message=".*missing adapter keys.*")
            return PeftModel.from_pretrained(base, str(folder)).eval()
    except Exception as error:  # whatever a corrupt file makes PEFT, safetensors or torch raise
        reason = " ".join(str(error).split())[:200]
        raise InputError(f"{folder}: the adapter cannot be loaded ({reason}); run `dvc repro train`") from None
