"""One tiny model of every chat family, in llama.cpp's own architecture for it.

Each says a fixed text, whatever it is asked. The embedding is one-hot and all layers but one
map add nothing: the output matrix maps each token to its successor, or, in architectures whose
output is the embedding itself, the feed-forward of the only layer does.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import gguf
import numpy as np
from numpy.typing import NDArray

from tests.gguf_models import CHATML, GEMMA, Vocab, add_vocab, byte_bpe, byte_letters, cut_script

Shapes = dict[str, tuple[int, ...]]
HEAD, FFN, WINDOW = 32, 32, 4096
TokenType = gguf.TokenType


@dataclass(frozen=True)
class Size:
    """Of a network: tokens in the vocabulary, and the width of its layers."""

    tokens: int
    width: int


@dataclass(frozen=True)
class Family:
    """``control``: control tokens, the last ends a turn. ``start``: the prompt's last token.

    ``defined``: tokens of type USER_DEFINED, which llama.cpp matches in plain text too. ``pre``
    names the pre-tokenizer of a byte-level vocabulary; "" is SentencePiece. ``tied``: the output
    matrix is the embedding.
    """

    architecture: str
    template: str
    control: tuple[str, ...]
    shapes: Callable[[Size], Shapes]
    pre: str = ""
    start: str = "\n"
    tied: bool = False
    heads: int = 1  # 0: as many as make up the width
    defined: tuple[str, ...] = ()

    @property
    def special(self) -> tuple[str, ...]:
        """All that must not come from a text: the vocabulary's own and the template's."""
        own = () if self.pre else ("<unk>", "<s>", "</s>")
        return (*own, *self.control, *self.defined)


# Templates, reduced to what makes each family's layout what it is.

LLAMA2 = (
    "{% if messages[0]['role'] == 'system' %}{% set system = '<<SYS>>\n' + "
    "messages[0]['content'] + '\n<</SYS>>\n\n' %}{% set rest = messages[1:] %}{% else %}"
    "{% set system = '' %}{% set rest = messages %}{% endif %}{% for m in rest %}"
    "{% if m['role'] == 'user' %}{{ bos_token + '[INST] ' + (system if loop.first else '') + "
    "m['content'] + ' [/INST]' }}{% else %}{{ ' ' + m['content'] + ' ' + eos_token }}{% endif %}"
    "{% endfor %}"
)
LLAMA3 = (
    "{{ bos_token }}{% for m in messages %}<|start_header_id|>{{ m['role'] }}<|end_header_id|>\n\n"
    "{{ m['content'] | trim }}<|eot_id|>{% endfor %}"
    "<|start_header_id|>assistant<|end_header_id|>\n{{ '\n' }}"
)
MISTRAL = (
    "{{ bos_token }}{% for m in messages %}{% if m['role'] == 'system' %}"
    "{{ raise_exception('Only user and assistant roles are supported!') }}"
    "{% elif m['role'] == 'user' %}[INST] {{ m['content'] }}[/INST]"
    "{% else %} {{ m['content'] }}{{ eos_token }}{% endif %}{% endfor %}"
)
GLM = (
    "[gMASK]<sop>{% for m in messages %}<|{{ m['role'] }}|>\n{{ m['content'] }}{% endfor %}"
    "<|assistant|>"
)
BELLE = (
    "{% for m in messages %}{% if m['role'] == 'assistant' %}Assistant:\n{{ m['content'] }}</s>"
    "{% else %}Human: \n{{ m['content'] }}\n\n{% endif %}{% endfor %}Assistant:{{ '\n' }}"
)
QWEN3 = (
    CHATML + "{% if enable_thinking is defined and enable_thinking is false %}"
    "<think>\n\n</think>\n{{ '\n' }}{% endif %}"
)
PHI3 = (
    "{% for m in messages %}<|{{ m['role'] }}|>\n{{ m['content'] }}<|end|>\n{% endfor %}"
    "<|assistant|>{{ '\n' }}"
)


# Tensors, with the names and shapes that llama.cpp asks for.


def _ends(size: Size, *, output: bool = True) -> Shapes:
    shapes: Shapes = {"token_embd.weight": (size.tokens, size.width)}
    shapes["output_norm.weight"] = (size.width,)
    return shapes | ({"output.weight": (size.tokens, size.width)} if output else {})


def _layer(shapes: Shapes) -> Shapes:
    return {f"blk.0.{name}": shape for name, shape in shapes.items()}


def _separate(size: Size, *, heads: int = HEAD, ffn: int = FFN, gates: int = 1) -> Shapes:
    """Attention in separate matrices; ``gates`` 2: gate and up share one."""
    width = size.width
    shapes: Shapes = {f"attn_{name}.weight": (heads, width) for name in "qkv"}
    shapes |= {"attn_norm.weight": (width,), "ffn_norm.weight": (width,)}
    shapes |= {"attn_output.weight": (width, heads), "ffn_up.weight": (gates * ffn, width)}
    if gates == 1:
        shapes["ffn_gate.weight"] = (ffn, width)
    return _layer({**shapes, "ffn_down.weight": (width, ffn)})


def _fused(size: Size) -> Shapes:
    """Attention in one matrix, gate and up too; the heads make up the width."""
    width = size.width
    return _layer(
        {
            "attn_norm.weight": (width,),
            "attn_qkv.weight": (3 * width, width),
            "attn_output.weight": (width, width),
            "ffn_norm.weight": (width,),
            "ffn_up.weight": (2 * FFN, width),
            "ffn_down.weight": (width, FFN),
        }
    )


def _llama(size: Size) -> Shapes:
    return _ends(size) | _separate(size)


def _qwen2(size: Size) -> Shapes:
    biases = _layer({f"attn_{name}.bias": (size.width,) for name in "qkv"})
    return _ends(size) | _separate(size, heads=size.width) | biases


def _qwen3(size: Size) -> Shapes:
    return _llama(size) | _layer({f"attn_{name}_norm.weight": (HEAD,) for name in "qk"})


def _gemma(size: Size) -> Shapes:
    return _ends(size, output=False) | _separate(size, ffn=size.width)


def _gemma2(size: Size) -> Shapes:
    after = ("post_attention_norm", "post_ffw_norm")
    return _gemma(size) | _layer({f"{name}.weight": (size.width,) for name in after})


def _gemma3(size: Size) -> Shapes:
    return _gemma2(size) | _layer({f"attn_{name}_norm.weight": (HEAD,) for name in "qk"})


def _chatglm(size: Size) -> Shapes:
    return _ends(size) | _fused(size) | _layer({"attn_qkv.bias": (3 * size.width,)})


def _glm4(size: Size) -> Shapes:
    after = ("post_attention_norm", "post_ffw_norm")
    norms = _layer({f"{name}.weight": (size.width,) for name in after})
    return _ends(size) | _separate(size, gates=2) | norms


def _phi3(size: Size) -> Shapes:
    return _ends(size) | _fused(size)


def _bloom(size: Size) -> Shapes:
    shapes = _fused(size) | {"blk.0.ffn_up.weight": (FFN, size.width)}
    shapes["token_embd_norm.weight"] = (size.width,)
    shapes["output_norm.weight"] = (size.width,)
    biases = {name.replace("weight", "bias"): shape[:1] for name, shape in shapes.items()}
    return _ends(size) | shapes | biases


GLM_TOKENS = ("[gMASK]", "<sop>", "<|system|>", "<|assistant|>", "<|endoftext|>", "<|user|>")
GEMMA_TOKENS = ("<start_of_turn>", "<end_of_turn>")
LLAMA3_TOKENS = ("<|begin_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>")
QWEN_TOKENS = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
PHI_TOKENS = ("<|system|>", "<|user|>", "<|assistant|>", "<|end|>")
MISTRAL_TOKENS = ("[INST]", "[/INST]", "<|eos|>")
THINKING_TOKENS = ("<think>", "</think>", "<tool_call>", "</tool_call>")

FAMILIES = {
    "LLaMA 2": Family("llama", LLAMA2, ("<|eos|>",), _llama, start="]"),
    "LLaMA 3": Family("llama", LLAMA3, LLAMA3_TOKENS, _llama, pre="llama-bpe"),
    "Mistral": Family("llama", MISTRAL, MISTRAL_TOKENS, _llama, start="[/INST]"),
    "ChatGLM": Family(
        "chatglm", GLM, GLM_TOKENS, _chatglm, "chatglm-bpe", "<|assistant|>", heads=0
    ),
    "GLM 4": Family("glm4", GLM, GLM_TOKENS, _glm4, "glm4", "<|assistant|>"),
    "Bloom": Family("bloom", BELLE, ("<s>", "<pad>", "</s>"), _bloom, "bloom", heads=0),
    "Qwen 2": Family("qwen2", CHATML, QWEN_TOKENS, _qwen2, "qwen2", heads=0),
    "Qwen 3": Family("qwen3", QWEN3, QWEN_TOKENS, _qwen3, "qwen2", defined=THINKING_TOKENS),
    "Gemma": Family("gemma", GEMMA, GEMMA_TOKENS, _gemma, tied=True),
    "Gemma 2": Family("gemma2", GEMMA, GEMMA_TOKENS, _gemma2, tied=True),
    "Gemma 3": Family("gemma3", GEMMA, GEMMA_TOKENS, _gemma3, tied=True, defined=("<h1>", "</h1>")),
    "Phi 3": Family("phi3", PHI3, PHI_TOKENS, _phi3, heads=0),
}


def write_family_gguf(path: Path, family: Family, script: str) -> Path:
    """Write a model of ``family`` whose likeliest answer to anything is ``script``."""
    pieces = cut_script(script.encode(), []) if family.pre else _in_characters(script)
    vocab = (
        byte_bpe(pieces, family.control, family.defined, pre=family.pre)
        if family.pre
        else _spm(pieces, family)
    )
    size = Size(len(vocab.tokens), -(-len(vocab.tokens) // HEAD) * HEAD)
    texts = [_as_stored(piece, vocab) for piece in pieces]
    chain = [_start(family, vocab), *(vocab.tokens.index(text) for text in texts), vocab.eos]
    writer = gguf.GGUFWriter(path, family.architecture)
    _add_shape(writer, family, size)
    add_vocab(writer, vocab)
    writer.add_chat_template(family.template)
    for name, tensor in _tensors(family, size, chain).items():
        # Norms and biases have to be single precision.
        writer.add_tensor(name, tensor.astype(np.float16 if tensor.ndim > 1 else np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def _in_characters(script: str) -> list[bytes]:
    """Pieces of two characters and more, no two alike."""
    pieces: list[str] = []
    start = 0
    for end in range(2, len(script) + 1):
        if end - start > 1 and script[start:end] not in pieces:
            pieces.append(script[start:end])
            start = end
    return [piece.encode() for piece in [*pieces[:-1], pieces[-1] + script[start:]]]


def _spm(pieces: Sequence[bytes], family: Family) -> Vocab:
    ordinary = [_spaced(piece) for piece in pieces]
    tokens = [b"<unk>", b"<s>", b"</s>", *(f"<0x{byte:02X}>".encode() for byte in range(256))]
    tokens += ["\u2581".encode(), *ordinary]
    tokens += [text.encode() for text in (*family.defined, *family.control)]
    types = [TokenType.UNKNOWN, TokenType.CONTROL, TokenType.CONTROL, *[TokenType.BYTE] * 256]
    types += [TokenType.NORMAL] * (1 + len(ordinary))
    types += [TokenType.USER_DEFINED] * len(family.defined)
    types += [TokenType.CONTROL] * len(family.control)
    kinds = [int(kind) for kind in types]
    return Vocab("llama", tokens, kinds, bos=1, eos=len(tokens) - 1, add_bos=True)


def _spaced(piece: bytes) -> bytes:
    return piece.replace(b" ", "\u2581".encode())


def _as_stored(piece: bytes, vocab: Vocab) -> bytes:
    if vocab.model == "llama":
        return _spaced(piece)
    letters = byte_letters()
    return "".join(letters[byte] for byte in piece).encode()


def _start(family: Family, vocab: Vocab) -> int:
    if family.start in family.control:
        return vocab.tokens.index(family.start.encode())
    byte = family.start.encode()
    single = f"<0x{byte[0]:02X}>".encode() if vocab.model == "llama" else _as_stored(byte, vocab)
    return vocab.tokens.index(single)


def _add_shape(writer: gguf.GGUFWriter, family: Family, size: Size) -> None:
    heads = family.heads or size.width // HEAD
    writer.add_context_length(WINDOW)
    writer.add_embedding_length(size.width)
    writer.add_block_count(1)
    writer.add_feed_forward_length(size.width if family.tied else FFN)
    writer.add_head_count(heads)
    writer.add_head_count_kv(heads)
    writer.add_layer_norm_eps(1e-5)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_key_length(HEAD)
    writer.add_value_length(HEAD)
    writer.add_rope_dimension_count(HEAD // 2 if family.template is GLM else HEAD)
    writer.add_sliding_window(512)


def _tensors(family: Family, size: Size, chain: Sequence[int]) -> dict[str, NDArray[np.float32]]:
    tensors = {name: np.zeros(shape, np.float32) for name, shape in family.shapes(size).items()}
    for name in tensors:
        if name.endswith("norm.weight"):
            tensors[name] += 1
    tensors["token_embd.weight"][:, : size.tokens] = np.eye(size.tokens)
    moves = list(zip(chain[1:], chain, strict=False))
    if not family.tied:
        for successor, token in moves:
            tensors["output.weight"][successor, token] = 1
        return tensors
    # Each token lights one unit, which writes the successor over the token itself.
    tensors["blk.0.ffn_gate.weight"] += np.eye(size.width, dtype=np.float32)
    tensors["blk.0.ffn_up.weight"] += np.eye(size.width, dtype=np.float32)
    for successor, token in moves:
        tensors["blk.0.ffn_down.weight"][successor, token] = 4
    if "blk.0.post_ffw_norm.weight" in tensors:
        tensors["blk.0.post_ffw_norm.weight"] *= 4
    return tensors
