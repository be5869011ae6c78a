"""A student on the Hugging Face hub: its files at a pinned commit, downloaded once into the hub's cache.

In: a repository and a commit. Out: a folder that loads like any other. Only what transformers reads comes down:
settings, tokenizer, and weights as safetensors (or one GGUF file); never pickles (`.bin`, `.pt`), never code. What is
in the cache is not asked for again. The only import of huggingface_hub.
"""

from pathlib import Path

from distill.common.errors import InputError
from distill.common.jsonl import read_json

SETTINGS = ("*.json", "*.jinja", "*.model", "*.txt")
WEIGHTS = "model*.safetensors"
ELSEWHERE = ("*/*", "consolidated*")
"""Copies in other formats: they double the download."""


def folder(name: str, revision: str, weights: str | None = None) -> Path:
    """Return where the repository's settings and tokenizer lie, and the weights that the pattern names.

    Raises:
        InputError: They cannot be had; the text says what to do.
    """
    place = _cached(name, revision, weights) or _download(name, revision, weights)
    if weights and not any(place.glob(weights)):
        others = "and weights in other files (.bin, .pt) can hide code; choose a student with safetensors"
        raise InputError(f"it has no {weights}, {others if weights == WEIGHTS else 'so fix gguf_file'}")
    _check_code(place)
    return place


def _cached(name: str, revision: str, weights: str | None) -> Path | None:
    """Return the folder if nothing is missing from it; whether that is so is known of what this module downloaded."""
    from huggingface_hub import errors

    try:
        place = _snapshot(name, revision, weights, local=True)
    except (errors.HFValidationError, errors.LocalEntryNotFoundError):
        return None
    return place if any(place.glob(weights or "*.json")) else None


def _download(name: str, revision: str, weights: str | None) -> Path:
    from huggingface_hub import constants, errors

    page = f"{constants.ENDPOINT}/{name}"
    who = "say who you are with `hf auth login` or the environment variable HF_TOKEN"
    if constants.is_offline_mode():
        raise InputError("it is not in the hub's cache, or not all of it, and HF_HUB_OFFLINE is set; connect once "
                         "without it, or choose `student: smollm2-135m`")  # fmt: skip
    try:
        return _snapshot(name, revision, weights)
    except errors.GatedRepoError:
        raise InputError(f"its licence must be accepted first: do so on {page}, and {who}") from None
    except errors.RepositoryNotFoundError:
        raise InputError(f"the hub has no such repository, or keeps it private: check 'name' on {page}; if it is "
                         f"private, {who}") from None  # fmt: skip
    except errors.RevisionNotFoundError:
        raise InputError(f"the repository has no such commit; take one of {page}/commits/main") from None
    except errors.HFValidationError:
        raise InputError("'name' must be the hub's owner/name") from None
    except (OSError, errors.HTTPError) as error:  # type: ignore[attr-defined]  # of the HTTP library
        # What a server says is not repeated: it may hold what was sent to it.
        status = getattr(getattr(error.__cause__ or error, "response", None), "status_code", None)
        if status in (401, 403):
            raise InputError(f"the hub refuses the download ({status}): see {page}, and {who} again") from None
        why = f"it answers {status}" if status else " ".join(str(error.__cause__ or error).split())[:150]
        raise InputError(f"the hub at {constants.ENDPOINT} cannot be used ({why}); try again, and what was downloaded "
                         "whole is kept; or choose `student: smollm2-135m`") from None  # fmt: skip


def _snapshot(name: str, revision: str, weights: str | None, local: bool = False) -> Path:
    from huggingface_hub import snapshot_download

    wanted = [*SETTINGS, *([weights] if weights else [])]
    return Path(snapshot_download(name, revision=revision, allow_patterns=wanted, ignore_patterns=list(ELSEWHERE),
                                  local_files_only=local))  # fmt: skip


def _check_code(place: Path) -> None:
    """Refuse a student whose architecture is code in its repository; known ones may bring theirs, which is not run."""
    path = place / "config.json"
    config = read_json(path) if path.exists() else {}  # a repository of GGUF files has none
    if "auto_map" not in config:
        return
    from transformers import CONFIG_MAPPING

    if config.get("model_type") not in CONFIG_MAPPING:
        raise InputError(f"it wants to run code of its own (the architecture {config.get('model_type')}), which this "
                         "program never does; choose a student that transformers knows")  # fmt: skip
