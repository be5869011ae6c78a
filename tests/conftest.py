"""What every test gets: a clean environment (no key, no ledger, no hub), and small helpers for building inputs."""

import os
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from distill.student.model import StudentProfile

from repository import SECRETS

# Set before any test module is imported: these libraries read them at import.
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """No test sees the person's key, ledger or home; none reaches a hub."""
    for name in SECRETS:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path_factory.mktemp("home")))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")


@pytest.fixture(scope="module")
def student(tmp_path_factory: pytest.TempPathFactory) -> "StudentProfile":
    """A tiny student in a directory."""
    import tiny  # torch comes with it, which most tests can do without

    return tiny.student(tmp_path_factory.mktemp("student"))


@pytest.fixture(scope="module")
def adapter(tmp_path_factory: pytest.TempPathFactory, student: "StudentProfile") -> Path:
    """An adapter of it."""
    import tiny

    return tiny.adapter(tmp_path_factory.mktemp("adapter"), student)


@pytest.fixture
def pretend(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Pretend a kind of device, and which instructions for bf16 it has."""
    import torch

    def machine(kind: str, bf16: str | None = None) -> None:
        monkeypatch.setattr(torch.cuda, "is_available", lambda: kind == "cuda")
        monkeypatch.setattr(torch.backends.mps, "is_available", lambda: kind == "mps")
        monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: bf16 == "cuda")
        capabilities = {"avx2": True, "avx512_f": True} | ({bf16: True} if bf16 else {"amx_bf16": False})
        monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities)

    return machine


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str, str], Path]:
    """Write a dedented text to a path under tmp_path, and return that path."""

    def write_file(name: str, text: str) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text), encoding="utf-8")
        return path

    return write_file
