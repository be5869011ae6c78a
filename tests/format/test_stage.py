"""distill.format: what is dropped and why, the split by base prompt, and the bytes that come out."""

import copy
import json
import statistics
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distill.common.config import profile
from distill.common.errors import InputError
from distill.common.jsonl import Row, write_jsonl
from distill.format import stage, workers
from distill.format.examples import Example, Tally
from distill.format.near_duplicates import NearDuplicates
from distill.format.stage import FormatParams, check_system, examine, in_validation, to_messages, without_duplicates
from distill.student.model import StudentProfile, load_tokenizer
from repository import ROOT

PARAMS = FormatParams(
    max_length=64, val_share=0.25, split_seed=1, min_kept_share=0.5, drop_broken_code=True, near_duplicates=None,
    shard_mb=256, system=None,
)  # fmt: skip


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    return load_tokenizer(profile(StudentProfile, "student", ROOT / "params.yaml")[1])


def answer(id_: str = "a", completion: str = "Yes.", stop_reason: str = "end_turn", **more: Any) -> Row:
    return {"id": id_, "split": "train", "prompt": f"Say {id_}.", "completion": completion,
            "stop_reason": stop_reason} | more  # fmt: skip


def examples(tokenizer: Any, *rows: Row, params: FormatParams = PARAMS, held: Sequence[Row] = ()) -> list[Example]:
    near = NearDuplicates(params.near_duplicates, held) if params.near_duplicates else None
    return list(without_duplicates(examine([(row, row["id"]) for row in rows], tokenizer, params), near))


def reasons(tokenizer: Any, *rows: Row, **options: Any) -> list[str | None]:
    return [example.dropped for example in examples(tokenizer, *rows, **options)]


def tally(found: Iterable[Example]) -> Tally:
    counts = Tally()
    for example in found:
        if example.dropped:
            counts.drop(example, example.dropped)
        else:
            counts.keep(example, validation=False)
    return counts


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (answer(), None),
        (answer(stop_reason="stop_sequence"), None),
        (answer(stop_reason="max_tokens"), "truncated"),
        (answer(stop_reason="model_context_window_exceeded"), "truncated"),
        (answer(stop_reason="refusal"), "refused"),
        (answer(stop_reason="pause_turn"), "unfinished"),
        (answer(stop_reason="tool_use"), "unfinished"),
        (answer(completion=" \n"), "empty"),
        (answer(completion="```python\nx = (\n```"), "broken_code"),
        (answer(completion="```python\nx = 1\n"), "broken_code"),
        (answer(completion="word " * 70), "too_long"),
        (answer(completion="\n\nHi"), None),
        (answer(completion="  Hi"), None),
        (answer(completion=" \nHi \n"), None),
        (answer(completion="\n\n"), "empty"),
        (answer(completion="Yes.<|im_end|>\n<|im_start|>user\nNo?"), "special_tokens"),
        (answer(completion="<|endoftext|>"), "special_tokens"),
        (answer(prompt="What is <|im_start|>?"), "special_tokens"),
        (answer(completion="<|im_end|>", stop_reason="max_tokens"), "truncated"),
    ],
)
def test_why_an_answer_is_dropped(tokenizer: Any, row: Row, reason: str | None) -> None:
    assert reasons(tokenizer, row) == [reason]


def test_the_length_limit_is_exact(tokenizer: Any) -> None:
    tokens = examples(tokenizer, answer())[0].tokens
    for limit, reason in ((tokens, None), (tokens - 1, "too_long")):
        assert reasons(tokenizer, answer(), params=PARAMS.model_copy(update={"max_length": limit})) == [reason]


def test_duplicates_keep_the_first(tokenizer: Any) -> None:
    assert reasons(tokenizer, answer("a", "x  y"), answer("b", "x y\n"), answer("c", "z")) == [None, "duplicate", None]


def test_a_dropped_answer_is_nobodys_original(tokenizer: Any) -> None:
    assert reasons(tokenizer, answer("a", stop_reason="max_tokens"), answer("b")) == ["truncated", None]


def test_an_answer_with_an_unknown_stop_reason_is_not_trained_on(tokenizer: Any) -> None:
    assert reasons(tokenizer, answer(stop_reason="new_reason")) == ["unfinished"]


def template(tokenizer: Any, text: str) -> Any:
    other = copy.deepcopy(tokenizer)
    other.chat_template = text
    return other


def test_an_answer_that_the_chat_format_cannot_hold_is_dropped_alone(tokenizer: Any) -> None:
    # As templates of reasoning students do: the turn is headed otherwise when it holds a thought.
    heading = "('assistant, after a thought' if '</think>' in message['content'] else message['role'])"
    thinking = template(tokenizer, tokenizer.chat_template.replace("message['role'] +", f"{heading} +"))
    found = examples(thinking, answer("a"), answer("b", "Hm.</think>No."), answer("c", "Maybe."))
    assert [example.dropped for example in found] == [None, "unfit", None]
    assert tally(found).metrics()["dropped_ids"] == {"unfit": ["b"]}


def test_a_template_that_fits_no_prompt_is_one_clear_line(tokenizer: Any) -> None:
    endless = template(tokenizer, "{% for m in messages %}{{ m['content'] }}\n{% endfor %}")
    words = (
        r"only 0 of 2 answers .*\(unfit 2\); a: the chat template does not end the answer with a special token; choose"
    )
    with pytest.raises(InputError, match=words) as caught:
        tally(examples(endless, answer("a"), answer("b", "No."))).check_enough("teacher_data.jsonl", 0.5)
    assert "\n" not in str(caught.value)


def test_a_system_prompt_that_the_chat_format_cannot_hold(tokenizer: Any) -> None:
    with pytest.raises(InputError, match=r"params.yaml: format.system: <\|im_end\|> in its text"):
        check_system(tokenizer, "Be brief.<|im_end|>")


def test_white_space_around_an_answer_is_no_part_of_it() -> None:
    assert (
        to_messages(answer(completion="\n\n  a = 1\n  b = 2\n"), None)["completion"][0]["content"] == "a = 1\n  b = 2"
    )


def test_rows_hold_messages() -> None:
    assert to_messages(answer("a", "Yes.", sample=2), "Be brief.") == {
        "id": "a#2",
        "prompt": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Say a."}],
        "completion": [{"role": "assistant", "content": "Yes."}],
    }
    assert to_messages(answer("a"), None)["prompt"] == [{"role": "user", "content": "Say a."}]
    assert to_messages(answer("a"), None)["id"] == "a"


def test_the_split_goes_by_base_and_is_stable() -> None:
    bases = [f"base-{number}" for number in range(4000)]
    share = sum(in_validation(base, PARAMS) for base in bases) / len(bases)
    assert abs(share - 0.25) < 0.03  # 4 standard deviations of a fair hash
    larger = PARAMS.model_copy(update={"val_share": 0.5})
    assert all(in_validation(base, larger) for base in bases if in_validation(base, PARAMS))
    assert not any(in_validation(base, PARAMS.model_copy(update={"val_share": 0.0})) for base in bases)


def test_too_few_survivors_are_an_error(tokenizer: Any) -> None:
    rows = [answer(str(n), f"Answer {n}", "end_turn" if n < 2 else "max_tokens") for n in range(5)]
    with pytest.raises(InputError, match=r"t: only 2 of 5 answers can be trained on \(truncated 3\)"):
        tally(examples(tokenizer, *rows)).check_enough("t", 0.5)
    with pytest.raises(InputError, match="only 0 of 0"):
        Tally().check_enough("t", 0.0)


def test_metrics_count_and_list_what_was_dropped() -> None:
    kept = [Example({"id": "a"}, "x", 10, 4, None), Example({"id": "b"}, "x", 30, 20, None)]
    dropped = [Example({"id": "c"}, "y", 99, 90, "too_long"), Example({"id": "d"}, "y", 5, 1, "refused")]
    values = tally(kept + dropped).metrics()
    assert values["answers"] == 4
    assert values["train"] == {
        "examples": 2, "base_prompts": 1, "tokens": 40, "answer_tokens": 24,
        "tokens_min": 10, "tokens_median": 20.0, "tokens_max": 30,
    }  # fmt: skip
    assert values["val"]["examples"] == 0
    assert values["dropped"]["too_long"] == values["dropped"]["refused"] == 1
    assert values["dropped"]["empty"] == 0
    assert values["dropped_ids"] == {"refused": ["d"], "too_long": ["c"]}


@given(st.lists(st.integers(1, 9)))
@settings(max_examples=25, deadline=None)
def test_the_median_is_that_of_all_lengths(lengths: list[int]) -> None:
    values = tally(Example({"id": "a"}, "x", length, 1) for length in lengths).metrics()["train"]
    assert json.dumps(values["tokens_median"]) == json.dumps(statistics.median(lengths or [0]))


SOME = (
    "Sort the list by its second field, take the first three, and return their names in upper case, joined by commas."
)
NEAR = PARAMS.model_copy(update={"near_duplicates": 0.8})


def test_near_duplicates_of_earlier_answers_and_of_heldout_texts(tokenizer: Any) -> None:
    nearly = SOME.replace("commas", "spaces")  # 17 of 19 runs of three words
    wide = NEAR.model_copy(update={"max_length": 200})
    other = (
        "Read the file line by line, count the words of each, and print the longest line with its number at the end."
    )
    held = to_messages(answer("h", other) | {"prompt": f"{other} Be quick."}, None)
    asked = answer("d", "Here it is.") | {"prompt": f"{other} Be quick, please."}
    rows = [answer("a", SOME), answer("b", nearly), answer("c", other.upper()), asked, answer("e", "Something else.")]
    assert reasons(tokenizer, *rows, params=wide.model_copy(update={"near_duplicates": None})) == [None] * 5
    assert reasons(tokenizer, *rows, params=wide, held=[held]) == [
        None, "near_duplicate", "near_heldout", "near_heldout", None,
    ]  # fmt: skip


def test_the_threshold_is_that_of_the_parameter(tokenizer: Any) -> None:
    rows = answer("a", SOME), answer("b", SOME.replace("commas", "spaces"))
    strict = NEAR.model_copy(update={"near_duplicates": 1.0})
    assert reasons(tokenizer, *rows, params=strict) == [None, None]


def test_what_is_no_original_has_no_near_duplicate(tokenizer: Any) -> None:
    rows = answer("a", SOME, stop_reason="max_tokens"), answer("b", SOME.replace("commas", "spaces"))
    assert reasons(tokenizer, *rows, params=NEAR) == ["truncated", None]


def test_metrics_speak_of_near_duplicates_where_they_are_looked_for() -> None:
    assert "near_duplicate" not in Tally().metrics()["dropped"]
    assert Tally(near=True).metrics()["dropped"]["near_heldout"] == 0


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tokenizer: Any) -> Path:
    """A folder with params.yaml and teacher's answers to 12 prompts with a modified twin each, and a held-out one."""
    params = (ROOT / "params.yaml").read_text().replace("val_share: 0.1", "val_share: 0.3")
    (tmp_path / "params.yaml").write_text(params)
    ids = [(f"p{n}{twin}", f"p{n}", "train") for n in range(12) for twin in ("", "--unit-tests")]
    ids.append(("h", "h", "heldout"))
    write_jsonl(tmp_path / "data/prompts.jsonl", ({"id": i, "base": b, "group": "g", "split": s} for i, b, s in ids))
    write_jsonl(tmp_path / "data/teacher_data.jsonl", (answer(i, f"The answer {i}.") | {"split": s} for i, _, s in ids))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(stage, "load_tokenizer", lambda student: tokenizer)  # the real one, loaded once
    monkeypatch.setattr("sys.argv", ["format"])
    return tmp_path


def ids_in(path: Path) -> list[str]:
    return [json.loads(line)["id"] for line in path.read_text().splitlines()]


def test_the_stage_keeps_twins_together_and_heldout_out(workspace: Path) -> None:
    stage.main()
    train, val = ids_in(workspace / "data/train.jsonl"), ids_in(workspace / "data/val.jsonl")
    assert len(train) + len(val) == 24
    assert val
    assert not {id_.split("--")[0] for id_ in train} & {id_.split("--")[0] for id_ in val}
    assert "h" not in train + val


def test_the_stage_gives_the_same_bytes_twice(workspace: Path) -> None:
    names = ("data/train.jsonl", "data/val.jsonl", "metrics/format.json")
    stage.main()
    first = [(workspace / name).read_bytes() for name in names]
    stage.main()
    assert [(workspace / name).read_bytes() for name in names] == first


def test_a_failing_run_leaves_earlier_results(workspace: Path) -> None:
    stage.main()
    before = (workspace / "data/train.jsonl").read_bytes()
    (workspace / "data/teacher_data.jsonl").write_text('{"id": "p0"\n')
    with pytest.raises(InputError, match=r"teacher_data\.jsonl:1: not valid JSON"):
        stage.main()
    assert (workspace / "data/train.jsonl").read_bytes() == before


def test_an_answer_without_a_prompt_is_named(workspace: Path) -> None:
    write_jsonl(workspace / "data/teacher_data.jsonl", [answer("h", split="heldout"), answer("stranger")])
    with pytest.raises(InputError, match="the id 'stranger' is not in"):
        stage.main()


def test_everything_on_the_validation_side_is_an_error(workspace: Path) -> None:
    params = (workspace / "params.yaml").read_text().replace("val_share: 0.3", "val_share: 0.999999")
    (workspace / "params.yaml").write_text(params)
    with pytest.raises(InputError, match="no example is left to train on"):
        stage.main()


def test_on_all_cores_the_bytes_are_the_same(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = ("data/train.jsonl", "data/val.jsonl", "data/heldout.jsonl", "metrics/format.json")
    teacher_data = workspace / "data/teacher_data.jsonl"
    rows = [json.loads(line) for line in teacher_data.read_text().splitlines()]
    changes = {3: {"completion": rows[2]["completion"]}, 7: {"stop_reason": "refusal"}, 9: {"completion": "<|im_end|>"}}
    write_jsonl(teacher_data, (row | changes.get(number, {}) for number, row in enumerate(rows)))
    stage.main()
    before = [(workspace / name).read_bytes() for name in names]
    monkeypatch.setattr(workers, "BATCH", 2)
    monkeypatch.setattr(workers, "FEW", 2)
    started: list[object] = []
    pool = workers.ProcessPoolExecutor
    monkeypatch.setattr(workers, "ProcessPoolExecutor", lambda *a, **k: started.append(a) or pool(*a, **k))
    stage.main()
    assert started
    assert [(workspace / name).read_bytes() for name in names] == before


def test_prompts_in_another_order_are_named(workspace: Path) -> None:
    rows = (workspace / "data/teacher_data.jsonl").read_text().splitlines(keepends=True)
    (workspace / "data/teacher_data.jsonl").write_text("".join([rows[1], rows[0], *rows[2:]]))
    with pytest.raises(InputError, match=r"the id 'p0' is not in data/prompts.jsonl, or not in its order"):
        stage.main()
