"""A tiny Llama with random weights, and a tokenizer of sixty words, both made in-process."""

import warnings
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import WhitespaceSplit
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from distill.student.model import StudentProfile

WORDS, END, PAD = 64, 1, 0
TEMPLATE = (
    "{% for m in messages %}{{ m['role'] }} {{ m['content'] }} <end> {% endfor %}"
    "{% if add_generation_prompt %}assistant {% endif %}"
)


def model(seed: int = 0, spread: float = 0.3) -> Any:
    """A Llama of two layers; its weights are spread so wide that its greedy answers vary."""
    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=WORDS, hidden_size=64, intermediate_size=96, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, max_position_embeddings=256, initializer_range=spread,
        eos_token_id=END, bos_token_id=None, pad_token_id=PAD,
    )  # fmt: skip
    return LlamaForCausalLM(config).eval()


def tokenizer() -> Any:
    """A tokenizer of the words w4 ... w63, with an end of turn and padding."""
    vocabulary = {"<pad>": PAD, "<end>": END, "<unknown>": 2, "assistant": 3}
    vocabulary |= {f"w{number}": number for number in range(4, WORDS)}
    words = Tokenizer(WordLevel(vocabulary, unk_token="<unknown>"))
    words.pre_tokenizer = WhitespaceSplit()
    return PreTrainedTokenizerFast(
        tokenizer_object=words, eos_token="<end>", pad_token="<pad>", unk_token="<unknown>", chat_template=TEMPLATE
    )


def student(folder: Path) -> StudentProfile:
    """Save model and tokenizer to `folder`, and return the profile that finds them."""
    model().save_pretrained(folder)
    tokenizer().save_pretrained(folder)
    return StudentProfile(source="dir", name=str(folder), base_model="tiny", license="x")


def logits(model: Any) -> torch.Tensor:
    """Return what `model` says to a few ids: (1, ids, vocabulary)."""
    with torch.inference_mode():
        return model(torch.tensor([[4, 5, 6, 7, 8]])).logits  # type: ignore[no-any-return]


def adapter(folder: Path, profile: StudentProfile, seed: int = 0, base: Any = None, **options: Any) -> Path:
    """Save a LoRA adapter with random weights, trained on nothing, that names `profile` as its base.

    Args:
        folder: Where to.
        profile: The base.
        seed: Of the weights.
        base: Its model, which is changed, if it is not `model()`.
        options: Of PEFT's LoraConfig, instead of these.
    """
    from peft import LoraConfig, get_peft_model

    torch.manual_seed(seed)
    chosen = {"r": 4, "lora_alpha": 8, "target_modules": ["q_proj", "v_proj"]} | options
    config = LoraConfig(task_type="CAUSAL_LM", **chosen)
    config.init_lora_weights = False  # B is zero otherwise, and the adapter changes nothing
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # PEFT asks transformers for something by an old name
        adapted = get_peft_model(base or model(), config)
    adapted.peft_config["default"].base_model_name_or_path = profile.identity
    adapted.save_pretrained(folder, save_embedding_layers=False)
    return folder
