"""Tiny random students of the families that people bring, and tokenizers whose chat templates are built as theirs are.

What makes a family differ is there, and small: a window that slides within a short answer, soft-capping that bends the
logits, biases and norms that are not their first values. The templates are written for these tests.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
import transformers
from tokenizers import AddedToken, Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import WhitespaceSplit
from transformers import PreTrainedTokenizerFast

from distill.student.model import StudentProfile

WORDS, WINDOW = 80, 6
PAD, UNKNOWN = "<pad>", "<unk>"
ROLES = ("user", "assistant", "model", "system", "Today", "Date:", "26", "Jul", "2024", "<think>", "</think>")
SIZES = {
    "vocab_size": WORDS, "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2,
    "num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 256, "initializer_range": 0.3,
    "pad_token_id": 0, "bos_token_id": 2,
}  # fmt: skip

CHATML = """
{%- if messages[0].role != 'system' %}{{- '<|im_start|>system\n' + 'help<|im_end|>\n' }}{% endif %}
{%- for m in messages %}{{- '<|im_start|>' + m.role + '\n' + m.content + '<|im_end|>\n' }}{% endfor %}
{%- if add_generation_prompt %}{{- '<|im_start|>assistant\n' }}{% endif %}"""
THINKING = """
{%- for m in messages %}{{- '<|im_start|>' + m.role + '\n' }}
{%- if loop.last and m.role == 'assistant' %}{{- '<think>\n\n</think>\n\n' }}{% endif %}
{{- m.content + '<|im_end|>\n' }}{% endfor %}
{%- if add_generation_prompt %}{{- '<|im_start|>assistant\n' }}
{%- if enable_thinking is defined and enable_thinking is false %}{{- '<think>\n\n</think>\n\n' }}{% endif %}
{%- endif %}"""
LLAMA = """{{- bos_token }}
{%- if strftime_now is defined %}{% set date = strftime_now('%d %b %Y') %}{% else %}{% set date = 'x' %}{% endif %}
{{- '<|start_header_id|>system<|end_header_id|>\n\nToday Date: ' + date + '\n\n<|eot_id|>' }}
{%- for m in messages %}
{{- '<|start_header_id|>' + m.role + '<|end_header_id|>\n\n' + m.content | trim + '<|eot_id|>' }}{% endfor %}
{%- if add_generation_prompt %}{{- '<|start_header_id|>assistant<|end_header_id|>\n\n' }}{% endif %}"""
MISTRAL = """{{- bos_token }}{% for m in messages %}
{%- if (m.role == 'user') != (loop.index0 % 2 == 0) %}{{- raise_exception('roles must alternate') }}{% endif %}
{%- if m.role == 'user' %}{{- '[INST] ' + m.content + ' [/INST]' }}
{%- else %}{{- ' ' + m.content + eos_token }}{% endif %}{% endfor %}"""
GEMMA = """{{- bos_token }}{% set first = '' %}
{%- if messages[0].role == 'system' %}FOLD{% set messages = messages[1:] %}{% endif %}
{%- for m in messages %}{{- '<start_of_turn>' + ('model' if m.role == 'assistant' else m.role) + '\n' }}
{{- (first if loop.first else '') + m.content | trim + '<end_of_turn>\n' }}{% endfor %}
{%- if add_generation_prompt %}{{- '<start_of_turn>model\n' }}{% endif %}"""
GEMMA_2 = GEMMA.replace("FOLD", "{{- raise_exception('System role not supported') }}")
GEMMA_3 = GEMMA.replace("FOLD", "{% set first = messages[0].content + '\n\n' %}")
PHI = """
{%- for m in messages %}{{- '<|' + m.role + '|>\n' + m.content + '<|end|>\n' }}{% endfor %}
{%- if add_generation_prompt %}{{- '<|assistant|>\n' }}{% else %}{{- eos_token }}{% endif %}"""


@dataclass(frozen=True)
class Family:
    """A family: which class of transformers, how it differs, its template, and which tokens end what."""

    kind: str
    template: str
    eos: str
    end_of_turn: str
    markers: tuple[str, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)
    targets: str | tuple[str, ...] = ("q_proj", "k_proj", "v_proj", "o_proj")
    fast: bool = False
    """Whether training's fast path fits it."""

    @property
    def specials(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys((PAD, self.eos, "<s>", UNKNOWN, self.end_of_turn, *self.markers)))


CHATML_MARKERS = ("<|im_start|>", "<|endoftext|>")
FAMILIES = {
    "llama": Family("Llama", LLAMA, "<|end_of_text|>", "<|eot_id|>", fast=True,
                    markers=("<|eom_id|>", "<|start_header_id|>", "<|end_header_id|>")),
    "qwen2": Family("Qwen2", CHATML, "<|im_end|>", "<|im_end|>", CHATML_MARKERS, {"tie_word_embeddings": True},
                    fast=True),
    "qwen3": Family("Qwen3", THINKING, "<|im_end|>", "<|im_end|>", CHATML_MARKERS, {"head_dim": 16}, fast=True),
    "mistral": Family("Mistral", MISTRAL, "</s>", "</s>", ("[INST]", "[/INST]"), {"sliding_window": WINDOW}),
    "gemma2": Family("Gemma2", GEMMA_2, "<eos>", "<end_of_turn>", ("<start_of_turn>",),
                     {"head_dim": 8, "sliding_window": WINDOW, "query_pre_attn_scalar": 8,
                      "final_logit_softcapping": 5.0, "attn_logit_softcapping": 2.0}),
    "gemma3": Family("Gemma3", GEMMA_3, "<eos>", "<end_of_turn>", ("<start_of_turn>",),
                     {"head_dim": 8, "sliding_window": WINDOW, "query_pre_attn_scalar": 8,
                      "layer_types": ["sliding_attention", "full_attention"]}),
    "phi3": Family("Phi3", PHI, "<|endoftext|>", "<|end|>", ("<|user|>", "<|assistant|>", "<|system|>"),
                   {"partial_rotary_factor": 0.5}, targets=("qkv_proj", "o_proj")),
}  # fmt: skip


def tokenizer(family: Family) -> Any:
    """A tokenizer of the words w0, w1, ... with the family's special tokens and template."""
    names = [*family.specials, *ROLES]
    names += [f"w{number}" for number in range(WORDS - len(names))]
    words = Tokenizer(WordLevel({name: number for number, name in enumerate(names)}, unk_token=UNKNOWN))
    words.pre_tokenizer = WhitespaceSplit()
    words.add_special_tokens([AddedToken(name, special=True, normalized=False) for name in family.specials])
    return PreTrainedTokenizerFast(
        tokenizer_object=words, bos_token="<s>", eos_token=family.eos, pad_token=PAD, unk_token=UNKNOWN,
        chat_template=family.template,
    )  # fmt: skip


def model(family: Family) -> Any:
    """A model of two layers with random weights, and the settings that say what ends its answers."""
    config_of: Callable[..., Any] = getattr(transformers, f"{family.kind.replace('Gemma3', 'Gemma3Text')}Config")
    names = family.specials
    torch.manual_seed(0)
    config = config_of(**SIZES | {"eos_token_id": names.index(family.eos)} | family.options)
    made = getattr(transformers, f"{family.kind}ForCausalLM")(config).eval()
    for weight in made.parameters():
        if weight.dim() == 1:  # norms and biases
            weight.data += 0.2 * torch.randn_like(weight)
    if family.kind.startswith(
        "Gemma"
    ):  # it multiplies by this, and tiny layers would not be heard beside the last token
        made.get_input_embeddings().weight.data /= SIZES["hidden_size"] ** 0.5
    made.generation_config.eos_token_id = sorted({names.index(family.eos), names.index(family.end_of_turn)})
    return made


def student(family: Family, folder: Path) -> StudentProfile:
    """Save model and tokenizer to `folder`, and return the profile that finds them."""
    model(family).save_pretrained(folder)
    tokenizer(family).save_pretrained(folder)
    return StudentProfile(source="dir", name=str(folder), base_model="tiny", license="x")
