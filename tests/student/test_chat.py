"""distill.student.chat with the families' templates: what ends a turn, and what must not differ from day to day."""

import pytest

import families
from distill.student.chat import SpecialTokens, Unfit, encode, encode_prompt, end_of_turn, render
from families import FAMILIES

USER = [{"role": "user", "content": "w1 w2"}]
SYSTEM = [{"role": "system", "content": "w3"}, *USER]
ANSWER = [{"role": "assistant", "content": "w4 w5"}]


@pytest.mark.parametrize("name", FAMILIES)
def test_an_answer_is_its_text_and_its_end_of_turn(name: str) -> None:
    family, tokenizer = FAMILIES[name], families.tokenizer(FAMILIES[name])
    assert tokenizer.convert_ids_to_tokens(end_of_turn(tokenizer)) == family.end_of_turn
    encoded = encode(tokenizer, USER, ANSWER)
    assert tokenizer.convert_ids_to_tokens(encoded.ids[encoded.prompt_tokens :]) == ["w4", "w5", family.end_of_turn]
    assert list(encoded.ids[: encoded.prompt_tokens]) == encode_prompt(tokenizer, USER)
    with pytest.raises(SpecialTokens, match="is read as the student's special token"):
        encode(tokenizer, USER, [{"role": "assistant", "content": f"w4 {family.end_of_turn} w5"}])


def test_a_system_prompt_is_folded_into_the_turn_or_refused() -> None:
    assert render(families.tokenizer(FAMILIES["gemma3"]), SYSTEM).startswith("<s><start_of_turn>user\nw3\n\nw1 w2<end")
    for name in ("gemma2", "mistral"):
        with pytest.raises(Unfit, match="the student's chat template refuses it"):
            encode_prompt(families.tokenizer(FAMILIES[name]), SYSTEM)


def test_a_prompt_is_the_same_on_any_day() -> None:
    assert "Today Date: 26 Jul 2024\n" in render(families.tokenizer(FAMILIES["llama"]), USER)


def test_a_student_that_can_think_answers_at_once() -> None:
    text = render(families.tokenizer(FAMILIES["qwen3"]), USER, generation_prompt=True)
    assert text.endswith("<|im_start|>assistant\n<think>\n\n</think>\n\n")
