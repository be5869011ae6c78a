"""What transformers loads, without what it says meanwhile: a progress bar fills the log of a stage with its redraws.

The bars of a download from the hub stay: that can take minutes, and a person wants to see it move.
"""

import logging
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

ALIGNMENT = 64


def load(auto_class: Any, place: str, **options: Any) -> Any:
    """Return what `auto_class.from_pretrained` makes of a directory or a hub's repository; no code in it is run.

    A GGUF file's weights (`gguf_file=`) are plain tensors then, like any other's.
    """
    from transformers import AutoModelForCausalLM, GgufConfig

    plain = auto_class is AutoModelForCausalLM and options.get("gguf_file")
    if plain:  # packed, as transformers keeps some where it has a kernel for it, they cannot be trained or merged
        options.setdefault("quantization_config", GgufConfig(dequantize=True))
    with quiet():
        loaded = auto_class.from_pretrained(place, trust_remote_code=False, **options)
    if plain:
        _unmark(loaded)
    return loaded


def align(model: Any) -> None:
    """Give every weight memory of its own that begins at a multiple of 64 bytes, as PyTorch allocates it.

    Weights that are mapped from a file lie where its header ends, and with some products (one row, as in decoding) the
    last bits of the result depend on that.
    """
    for weight in model.parameters():
        if weight.data_ptr() % ALIGNMENT:
            weight.data = weight.data.clone()


@contextmanager
def quiet() -> Iterator[None]:
    """Within it transformers draws no progress bar, and says nothing that a user can do nothing about."""
    from transformers import modeling_gguf_pytorch_utils as gguf
    from transformers.utils import logging as bars

    logging.getLogger(gguf.__name__).setLevel(logging.ERROR)
    drawn, hook = gguf.tqdm, bars.set_tqdm_hook(_hide)
    gguf.tqdm = partial(drawn, disable=True)  # the one bar that goes past transformers' own switch
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        gguf.tqdm = drawn
        bars.set_tqdm_hook(hook)


def _hide(bar: Callable[..., Any], args: tuple[Any, ...], options: dict[str, Any]) -> Any:
    return bar(*args, **options | {"disable": True})


def _unmark(model: Any) -> None:
    """Take off what says that the weights are quantised, and makes save_pretrained refuse."""
    for mark in ("hf_quantizer", "quantization_method"):
        if hasattr(model, mark):
            delattr(model, mark)
    model.is_quantized = False
    if hasattr(model.config, "quantization_config"):
        del model.config.quantization_config
