"""distill.api.profiles: profiles are typed, and say what is wrong with them."""

import math
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml

from api_samples import teacher
from distill.api import profiles
from distill.api.profiles import BatchesTeacher, FilesTeacher, MessagesTeacher, RuntimeParams
from distill.common.config import section
from distill.common.errors import InputError
from repository import ROOT

Edit = Callable[[dict[str, Any]], object]


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("reference", FilesTeacher),
        ("claude", MessagesTeacher),
        ("claude-batch", BatchesTeacher),
        ("local", MessagesTeacher),
    ],
)
def test_the_profiles_of_the_repository(tmp_path: Path, name: str, kind: type) -> None:
    params = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    path = tmp_path / "params.yaml"
    path.write_text(yaml.safe_dump(params | {"teacher": name}), encoding="utf-8")
    found, profile = profiles.load(path)
    assert found == name
    assert type(profile) is kind
    assert section(RuntimeParams, "runtime", path).concurrency >= 1


def test_online_and_batch_share_answers() -> None:
    params = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))["teachers"]
    assert params["claude"] | {"kind": "batches"} == params["claude-batch"]


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (lambda p: p.update(kind="oracle"), "kind: choose one of files, messages, batches; found oracle"),
        (lambda p: p.pop("kind"), "kind: choose one of files, messages, batches; found nothing"),
        (lambda p: p.update(temperature=1.0), "teachers.claude.temperature: unknown key"),
        (lambda p: p.update(max_token=5), "unknown key (did you mean 'max_tokens'?)"),
        (lambda p: p.update(samples=0), "teachers.claude.samples: input should be greater than or equal to 1"),
        (lambda p: p.update(max_tokens="many"), "teachers.claude.max_tokens: input should be a valid integer"),
        (lambda p: p.update(retry_max_tokens=4096), "'retry_max_tokens' must be larger than 'max_tokens'"),
        (lambda p: p.update(key_env=None), "'key_env' is needed where there is no 'base_url'"),
        (lambda p: p.update(base_url="localhost:80"), "'base_url' must start with http"),
        (lambda p: p.update(base_url="http://h:port"), "teachers.claude: 'base_url' is not valid; check host and port"),
        (lambda p: p.update(base_url="http://me:sk-x@h"), "'base_url' must hold neither user, password nor query"),
        (lambda p: p.update(extra={"stream": True}), "'extra' must not hold stream"),
        (lambda p: p.update(extra={"a": [math.nan]}), "'extra' must hold what JSON can hold (Out of range float"),
        (lambda p: p.update(extra={"a": date(2026, 1, 2)}), "'extra' must hold what JSON can hold (Object of"),
        (lambda p: p.update(extra={"a": {1: 2, "b": 3}}), "'extra' must hold what JSON can hold"),
        (lambda p: p.update(on_thinking="hide"), "teachers.claude.on_thinking: input should be 'drop' or 'keep'"),
        (lambda p: p["on_stop"].update(refusal="retry"), "claude.on_stop.refusal: input should be 'exclude' or"),
        (lambda p: p["on_stop"].update(refused="fail"), "teachers.claude.on_stop.refused: unknown key"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(tmp_path: Path, edit: Edit, words: str) -> None:
    params = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8")) | {"teacher": "claude"}
    edit(params["teachers"]["claude"])
    path = tmp_path / "params.yaml"
    path.write_text(yaml.safe_dump(params), encoding="utf-8")
    with pytest.raises(InputError) as caught:
        profiles.load(path)
    assert words in str(caught.value)
    assert "sk-x" not in str(caught.value)


def test_a_profile_of_before_drops_thinking(tmp_path: Path) -> None:
    params = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8")) | {"teacher": "local"}
    del params["teachers"]["local"]["on_thinking"]
    path = tmp_path / "params.yaml"
    path.write_text(yaml.safe_dump(params), encoding="utf-8")
    found = profiles.load(path)[1]
    assert isinstance(found, MessagesTeacher)
    assert found.on_thinking == "drop"


def test_a_policy_knows_what_fails() -> None:
    policy = teacher().on_stop.model_copy(update={"refusal": "fail"})
    assert policy.fails("refusal")
    assert not any(policy.fails(reason) for reason in ("max_tokens", "pause_turn", "tool_use", "empty"))
