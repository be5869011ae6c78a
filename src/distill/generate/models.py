"""The two models that are compared, the base student and the distilled one, from one loading of the weights.

In: a student and its adapter's folder. Out: one model whose adapter can be switched off (`Pair.scoring`), and copies
made for decoding (`Pair.decoding`): the adapter merged into the weights, so that no token pays for it. The copy is
merged in fp32 and then cast, and the original is never changed. An adapter that was trained on another base is refused.
"""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from pathlib import Path
from typing import Any, Literal

import torch
from transformers.utils import logging

from distill.common.errors import InputError
from distill.common.jsonl import read_json
from distill.generate import onednn
from distill.shared import device
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


class Pair:
    """Base and distilled student on one set of fp32 weights; without an adapter's folder, the base alone."""

    def __init__(self, student: StudentProfile, folder: Path | None) -> None:
        if folder:
            check_adapter(folder, student)
        logging.disable_progress_bar()
        logging.set_verbosity_error()
        base = onednn.use(load_model(student, torch.float32).to(device.kind()))
        self.has_adapter = folder is not None
        self.model = _load_adapter(base, folder) if folder else base

    @contextmanager
    def scoring(self, side: Side) -> Iterator[Any]:
        """Give the model with its adapter on, or off for the base."""
        if side == "distilled" or not self.has_adapter:
            yield self.model
        else:
            with self.model.disable_adapter():
                yield self.model

    def decoding(self, side: Side, dtype: torch.dtype) -> Any:
        """Return a plain copy without an adapter: the base, or the adapter merged into the weights, as `dtype`."""
        if not self.has_adapter:
            return deepcopy(self.model).to(dtype).eval()
        copy = deepcopy(self.model)
        plain = copy.merge_and_unload(safe_merge=True) if side == "distilled" else copy.unload()
        return plain.to(dtype).eval()


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
