"""GGUF files for llama.cpp: a quantised file's weights written out as fp32, and tiny models of several families."""

from pathlib import Path
from typing import Any

import gguf
from gguf import GGUFReader, GGUFWriter


def dequantise(source: Path, target: Path) -> None:
    """Write the model of a GGUF file with the same weights and settings, every weight as fp32."""
    reader = GGUFReader(source)
    writer = GGUFWriter(target, reader.fields["general.architecture"].contents())
    copy_settings(reader, writer)
    for tensor in reader.tensors:
        writer.add_tensor(tensor.name, gguf.quants.dequantize(tensor.data, tensor.tensor_type))
    finish(writer)


def copy_settings(reader: GGUFReader, writer: GGUFWriter, prefix: str = "") -> None:
    """Copy the settings whose names begin with `prefix`."""
    for name, field in reader.fields.items():
        if name.startswith(prefix) and not name.startswith(("GGUF.", "general.architecture")):
            inner = field.types[1] if len(field.types) > 1 else None
            writer.add_key_value(name, field.contents(), field.types[0], inner)


def finish(writer: GGUFWriter) -> None:
    """Write the file."""
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def write_model(model: Any, target: Path, quantised: bool = False) -> None:
    """Write a model of transformers, with a vocabulary of its size but no text behind it; only ids can be asked for.

    Its weights are fp32, or the matrices Q8_0.

    It is what llama.cpp's own converter does to these families: rows of q and k reordered for its architecture `llama`,
    1 added to Gemma's norms.
    """
    config = model.config
    kind = {"mistral": "llama", "gemma3_text": "gemma3"}.get(config.model_type, config.model_type)
    head_dim = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    writer = GGUFWriter(target, kind)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_key_length(head_dim)
    writer.add_value_length(head_dim)
    writer.add_rope_dimension_count(head_dim)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    if kind in ("gemma2", "gemma3"):
        writer.add_sliding_window(config.sliding_window)
    if kind == "gemma2":
        writer.add_attn_logit_softcapping(config.attn_logit_softcapping)
        writer.add_final_logit_softcapping(config.final_logit_softcapping)
    _add_vocabulary(writer, config.vocab_size)
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH[kind.upper()], config.num_hidden_layers)
    tied = config.tie_word_embeddings
    for name, tensor in model.state_dict().items():
        if name == "lm_head.weight" and tied:
            continue
        values = tensor.float().numpy()
        if kind == "llama" and any(part in name for part in (".q_proj.", ".k_proj.")):
            values = values.reshape(-1, 2, head_dim // 2, values.shape[1]).swapaxes(1, 2).reshape(values.shape)
        if kind.startswith("gemma") and name.endswith("norm.weight"):
            values = values + 1
        kept = gguf.GGMLQuantizationType.Q8_0 if quantised and values.ndim > 1 else gguf.GGMLQuantizationType.F32
        place = names.get_name(name, try_suffixes=(".weight", ".bias"))
        writer.add_tensor(place, gguf.quants.quantize(values, kept), raw_dtype=kept)
    finish(writer)


def _add_vocabulary(writer: GGUFWriter, size: int) -> None:
    writer.add_tokenizer_model("llama")
    writer.add_token_list([f"w{number}" for number in range(size)])
    writer.add_token_scores([0.0] * size)
    writer.add_token_types([gguf.TokenType.NORMAL] * size)
    writer.add_bos_token_id(0)
    writer.add_eos_token_id(1)
    writer.add_unk_token_id(2)
