"""distill.exporting.modelfile: Ollama's template says what the student's chat template says, or there is none."""

import pytest

import tiny
from distill.common.errors import InputError
from distill.exporting.modelfile import chat_format, text
from distill.student.chat import render

CHATML = (
    "{% for m in messages %}"
    "{% if loop.first and m['role'] != 'system' %}{{ '<|im_start|>system\nBe kind.<|im_end|>\n' }}{% endif %}"
    "{{ '<|im_start|>' + m['role'] + '\n' + m['content'] + '<|im_end|>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
LLAMA_3 = (
    "{% for m in messages %}{% if loop.first %}{{ bos_token }}{% endif %}"
    "{{ '<|start|>' + m['role'] + '<|end|>\n\n' + m['content'] | trim + '<|eot|>' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|start|>assistant<|end|>\n\n' }}{% endif %}"
)
GEMMA = (
    "{{ bos_token }}{% if messages[0]['role'] == 'system' %}{{ raise_exception('no system') }}{% endif %}"
    "{% for m in messages %}{{ '<turn>' + m['role'].replace('assistant', 'model') + '\n' }}"
    "{{ m['content'] | trim + '</turn>\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<turn>model\n' }}{% endif %}"
)
GEMMA_3 = (
    "{{ bos_token }}{% set s = messages[0]['content'] + '\n\n' if messages[0]['role'] == 'system' else '' %}"
    "{% for m in messages if m['role'] != 'system' %}{{ '<turn>' + m['role'].replace('assistant', 'model') + '\n' }}"
    "{{ (s if loop.first else '') + m['content'] + '</turn>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<turn>model\n' }}{% endif %}"
)
PHI_3 = (
    "{% for m in messages %}{{ '<|' + m['role'] + '|>\n' + m['content'] + '<|end|>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>\n' }}{% else %}{{ eos_token }}{% endif %}"
)
MISTRAL = (
    "{{ bos_token }}{% for m in messages %}{% if m['role'] == 'user' %}{{ '[INST] ' + m['content'] + ' [/INST]' }}"
    "{% elif m['role'] == 'assistant' %}{{ m['content'] + eos_token }}"
    "{% else %}{{ raise_exception('no system') }}{% endif %}{% endfor %}"
)
LAST_ANSWER_THINKS = CHATML.replace(
    "'\n' + m['content']", "'\n' + ('<think></think>' if loop.last and m['role'] == 'assistant' else '') + m['content']"
)
NUMBERED = "{% for m in messages %}{{ loop.index ~ m['role'] ~ m['content'] ~ '\n' }}{% endfor %}"
COUNTED = "{{ messages | length }} turns\n" + CHATML
BRACES = (
    "{% for m in messages %}{{ '{' ~ '{' ~ m['role'] ~ '}' ~ '}' ~ m['content'] ~ '\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '{' ~ '{assistant}' ~ '}' }}{% endif %}"
)
DROPS_TEXT = "{% for m in messages %}{{ m['role'] }}{% endfor %}"


def tokenizer(template: str, start: str | None = None) -> object:
    result = tiny.tokenizer()
    result.chat_template, result.bos_token = template, start
    return result


@pytest.mark.parametrize(
    ("template", "start", "roles"),
    [
        # As SmolLM2 has it: what begins every turn is also the tokenizer's beginning of a text.
        pytest.param(CHATML, "<|im_start|>", ["system", "user", "assistant"], id="chatml"),
        pytest.param(LLAMA_3, "<start>", ["system", "user", "assistant"], id="llama-3"),
        pytest.param(GEMMA, "<start>", ["user", "assistant"], id="gemma"),
        pytest.param(GEMMA_3, "<start>", ["user", "assistant"], id="gemma-3"),
        pytest.param(PHI_3, None, ["system", "user", "assistant"], id="phi-3"),
        pytest.param(MISTRAL, "<start>", ["user", "assistant"], id="mistral"),
        pytest.param(LAST_ANSWER_THINKS, None, ["system", "user", "assistant"], id="qwen-3"),
        pytest.param(tiny.TEMPLATE, None, ["system", "user", "assistant"], id="tiny"),
    ],
)
def test_the_format_renders_like_the_template(template: str, start: str | None, roles: list[str]) -> None:
    model = tokenizer(template, start)
    found = chat_format(model)
    assert found
    assert list(found.around) == roles
    messages = [{"role": role, "content": f"{role} says"} for role in (*roles, "user")]
    assert found.render(messages) == render(model, messages, generation_prompt=True)
    assert found.render(messages[-1:]) == render(model, messages[-1:], generation_prompt=True)


@pytest.mark.parametrize("template", [NUMBERED, COUNTED, BRACES, DROPS_TEXT])
def test_a_template_that_does_more_has_no_format(template: str) -> None:
    assert chat_format(tokenizer(template)) is None
    written = text(tokenizer(template), "base.gguf", "lora.gguf", ["<end>"], None)
    assert "\nTEMPLATE" not in written
    assert "# No TEMPLATE: the student's chat template cannot be put as one" in written


def test_the_file() -> None:
    # The template was run by Go's own text/template: it gives what the chat template gives.
    assert text(tokenizer(CHATML, "<|im_start|>"), "base.gguf", "lora.gguf", ["<|im_end|>", "<eot>"], None) == (
        'FROM ./base.gguf\nADAPTER ./lora.gguf\nTEMPLATE """{{ range .Messages }}'
        '{{ if eq .Role "system" }}<|im_start|>system\n{{ .Content }}<|im_end|>\n'
        '{{ else if eq .Role "user" }}<|im_start|>user\n{{ .Content }}<|im_end|>\n'
        '{{ else if eq .Role "assistant" }}<|im_start|>assistant\n{{ .Content }}<|im_end|>\n'
        '{{ end }}{{ end }}<|im_start|>assistant\n"""\nSYSTEM """Be kind."""\n'
        'PARAMETER stop "<|im_end|>"\nPARAMETER stop "<eot>"\nPARAMETER temperature 0\nPARAMETER repeat_penalty 1\n'
    )


def test_it_stops_at_the_end_of_a_turn() -> None:
    written = text(tokenizer(GEMMA, "<start>"), "base.gguf", None, ["<end>"], None)
    assert 'PARAMETER stop "</turn>"\nPARAMETER stop "<end>"\n' in written


def test_ollama_puts_the_token_at_the_start_itself() -> None:
    written = text(tokenizer(GEMMA, "<start>"), "merged", None, [], None)
    assert "<start>" not in written
    assert written.startswith("FROM ./merged\nTEMPLATE")
    assert "SYSTEM" not in written


def test_the_system_prompt_that_the_student_was_trained_with() -> None:
    assert '\nSYSTEM """Be brief."""\n' in text(tokenizer(CHATML), "base.gguf", None, [], "Be brief.")
    without = text(tokenizer(GEMMA_3, "<start>"), "base.gguf", None, [], "Be brief.")
    assert "\nTEMPLATE" not in without  # it would leave the system prompt out
    assert '\nSYSTEM """Be brief."""\n' in without
    with pytest.raises(InputError, match=r"format\.system"):
        text(tokenizer(CHATML), "base.gguf", None, [], 'Say """.')
