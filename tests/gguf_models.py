"""Tiny GGUF models, written in milliseconds, that real llama.cpp loads.

``write_scripted_gguf`` gives a model whose likeliest answer to anything is a fixed text;
``write_random_gguf`` one of several architectures with random weights.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import gguf
import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]
TokenType = gguf.TokenType

CHATML = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n"
    "{{ message['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
CHATML_TOKENS = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
GEMMA = (
    "{{ bos_token }}{% for message in messages %}"
    "{% if message['role'] == 'system' %}{{ raise_exception('System role not supported') }}"
    "{% endif %}<start_of_turn>{{ 'model' if message['role'] == 'assistant' else 'user' }}\n"
    "{{ message['content'] | trim }}<end_of_turn>\n{% endfor %}<start_of_turn>model{{ '\n' }}"
)
ARCHITECTURES = ("llama", "qwen2", "gemma", "chatglm", "bloom")
MOST_SCRIPT_TOKENS = 512  # keeps a long script's model, which is square in tokens, small


@dataclass(frozen=True)
class Vocab:
    """Token texts as a GGUF stores them. ``model`` is "gpt2" (byte BPE) or "llama" (SPM)."""

    model: str
    tokens: list[bytes]
    types: list[int]
    pre: str = "default"
    bos: int | None = None
    eos: int = 0
    add_bos: bool = False
    space_prefix: bool = False
    merges: list[str] = field(default_factory=list)


def byte_letters() -> list[str]:
    """GPT-2's printable stand-in for every byte: itself if printable, else from U+0100 on."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    spare = iter(range(0x100, 0x200))
    return [chr(byte) if byte in printable else chr(next(spare)) for byte in range(256)]


def byte_bpe(
    extra: Sequence[bytes] = (),
    control: Sequence[str] = CHATML_TOKENS,
    defined: Sequence[str] = (),
    pre: str = "default",
) -> Vocab:
    """256 bytes, then ``extra`` ordinary tokens (never merged to), then the special ones."""
    letters = byte_letters()
    merged = (letters[0xFE], letters[0xFF])  # llama.cpp wants a merge; no text has these bytes
    ordinary = [*letters, "".join(merged)]
    ordinary += ["".join(letters[byte] for byte in token) for token in extra]
    tokens = [*ordinary, *control, *defined]
    types = [
        *[int(TokenType.NORMAL)] * len(ordinary),
        *[int(TokenType.CONTROL)] * len(control),
        *[int(TokenType.USER_DEFINED)] * len(defined),
    ]
    return Vocab(
        "gpt2",
        [token.encode() for token in tokens],
        types,
        pre=pre,
        bos=len(ordinary) + len(control) - 3,
        eos=len(ordinary) + len(control) - 1,
        merges=[" ".join(merged)],
    )


def _sentencepiece(control: Sequence[str], *, space_prefix: bool, has_bytes: bool = True) -> Vocab:
    byte_form = "<0x{:02X}>" if has_bytes else "<byte {}>"
    tokens = ["<unk>", "<s>", "</s>", *(byte_form.format(byte) for byte in range(256))]
    ordinary = ["\u2581", *(chr(code) for code in range(0x61, 0x7B)), "hi", "\u2581hi"]
    types = [TokenType.UNKNOWN, TokenType.CONTROL, TokenType.CONTROL]
    types += [TokenType.BYTE] * 256 + [TokenType.NORMAL] * len(ordinary)
    types += [TokenType.CONTROL] * len(control)
    tokens += [*ordinary, *control]
    return Vocab(
        "llama",
        [token.encode() for token in tokens],
        [int(kind) for kind in types],
        bos=1,
        eos=len(tokens) - 1,
        add_bos=True,
        space_prefix=space_prefix,
    )


def _script_steps(script: str, control: Sequence[str]) -> list[bytes | str]:
    """A script as ordinary tokens (bytes) and control tokens (their text)."""
    if not control:
        return [*cut_script(script.encode(), [])]
    pattern = "|".join(re.escape(text) for text in control)
    steps: list[bytes | str] = []
    taken: list[bytes] = []
    for part in re.split(f"({pattern})", script):
        if part in control:
            steps.append(part)
        else:
            taken += (fresh := cut_script(part.encode(), taken))
            steps += fresh
    return steps


def cut_script(text: bytes, taken: Sequence[bytes]) -> list[bytes]:
    """Cut a script into tokens of at least two bytes, no two alike and none in ``taken``.

    Each token of a scripted model has one successor, so none may occur twice; single bytes
    are the prompt's. Cuts fall inside characters on purpose.
    """
    shortest = max(2, -(-len(text) // MOST_SCRIPT_TOKENS))
    tokens: list[bytes] = []
    start = 0
    for end in range(1, len(text) + 1):
        piece = text[start:end]
        if len(piece) >= shortest and piece not in tokens and piece not in taken:
            tokens.append(piece)
            start = end
    rest = text[start:]
    while rest and tokens and (len(rest) < shortest or rest in tokens or rest in taken):
        rest = tokens.pop() + rest
    return [*tokens, rest] if rest else tokens


def _step_id(vocab: Vocab, step: bytes | str) -> int:
    letters = byte_letters()
    text = step if isinstance(step, str) else "".join(letters[byte] for byte in step)
    return vocab.tokens.index(text.encode())


def write_scripted_gguf(
    path: Path,
    script: str,
    *,
    n_ctx_train: int = 32768,
    template: str = CHATML,
    repeat: bool = False,
    defined: Sequence[str] = (),
    control: Sequence[str] = (),
    layers: int = 1,
    ffn: int = 32,
    tensors_per_file: int = 0,
) -> Path:
    """Write a model whose greedy answer is ``script``, whatever it is asked.

    The network is a table: the embedding is one-hot, attention and feed-forward add
    nothing, and the output matrix maps each token to its only successor. The prompt must
    end with a newline, as ``template`` does; that newline's successor begins the script.

    Args:
        n_ctx_train: the window the model claims, in tokens. A prompt has one token per byte.
        repeat: begin again after the script's end instead of ending.
        defined: texts of further tokens of type USER_DEFINED.
        control: texts of further control tokens; where the script contains one of these,
            the model says the token instead of its letters.
        layers, ffn: how much there is to compute; nothing comes of it.
        tensors_per_file: above 0, write ``…-00001-of-0000N.gguf`` and so on beside ``path``.

    Raises:
        ValueError: some token would need two successors (a control token said twice, or a
            script that is nothing but a newline).
    """
    steps = _script_steps(script, control)
    spoken = [step for step in steps if isinstance(step, bytes) and len(step) > 1]
    vocab = byte_bpe(spoken, (*control, *CHATML_TOKENS), defined)
    newline = _step_id(vocab, b"\n")
    chain = [newline, *(_step_id(vocab, step) for step in steps)]
    if len(set(chain)) != len(chain):
        raise ValueError(f"no table of successors says {script!r}: a token occurs twice")
    end = chain[1] if repeat else vocab.eos
    successors = dict(zip(chain, [*chain[1:], end], strict=True))
    width = -(-len(vocab.tokens) // 32) * 32
    sizes = Sizes(width=width, layers=layers, heads=1, head=32, ffn=ffn, window=n_ctx_train)
    tensors = _table_tensors(vocab, sizes, successors)
    return _write(path, "llama", vocab, sizes, template, tensors, per_file=tensors_per_file)


@dataclass(frozen=True)
class Sizes:
    """Shape of a network. ``window`` is the context length it claims."""

    width: int = 64
    layers: int = 2
    heads: int = 4
    head: int = 16
    ffn: int = 96
    window: int = 2048

    @property
    def attention(self) -> int:
        return self.heads * self.head


def _table_tensors(vocab: Vocab, sizes: Sizes, successors: dict[int, int]) -> dict[str, Array]:
    tensors = {name: np.zeros(shape, np.float32) for name, shape in _llama(vocab, sizes).items()}
    for name in tensors:
        if name.endswith("norm.weight"):
            tensors[name] += 1
    count = len(vocab.tokens)
    tensors["token_embd.weight"][:, :count] = np.eye(count)
    for token, successor in successors.items():
        tensors["output.weight"][successor, token] = 1
    return tensors


Shapes = dict[str, tuple[int, ...]]


def _per_layer(sizes: Sizes, shapes: Shapes) -> Shapes:
    return {f"blk.{n}.{name}": shape for n in range(sizes.layers) for name, shape in shapes.items()}


def _gated(vocab: Vocab, sizes: Sizes, *, output: bool, more: Shapes | None = None) -> Shapes:
    """Tensors of the llama family: RMS norms, separate q, k, v and a gated feed-forward."""
    width, attention, ffn = sizes.width, sizes.attention, sizes.ffn
    layer: Shapes = {
        "attn_norm.weight": (width,),
        "attn_q.weight": (attention, width),
        "attn_k.weight": (attention, width),
        "attn_v.weight": (attention, width),
        "attn_output.weight": (width, attention),
        "ffn_norm.weight": (width,),
        "ffn_gate.weight": (ffn, width),
        "ffn_up.weight": (ffn, width),
        "ffn_down.weight": (width, ffn),
        **(more or {}),
    }
    embedding: Shapes = {
        "token_embd.weight": (len(vocab.tokens), width),
        "output_norm.weight": (width,),
    }
    head: Shapes = {"output.weight": (len(vocab.tokens), width)} if output else {}
    return embedding | head | _per_layer(sizes, layer)


def _llama(vocab: Vocab, sizes: Sizes) -> Shapes:
    return _gated(vocab, sizes, output=True)


def _qwen2(vocab: Vocab, sizes: Sizes) -> Shapes:
    biases: Shapes = {f"attn_{name}.bias": (sizes.attention,) for name in "qkv"}
    return _gated(vocab, sizes, output=True, more=biases)


def _gemma(vocab: Vocab, sizes: Sizes) -> Shapes:
    return _gated(vocab, sizes, output=False)


def _chatglm(vocab: Vocab, sizes: Sizes) -> Shapes:
    width, attention, ffn = sizes.width, sizes.attention, sizes.ffn
    layer: Shapes = {
        "attn_norm.weight": (width,),
        "attn_qkv.weight": (3 * attention, width),
        "attn_qkv.bias": (3 * attention,),
        "attn_output.weight": (width, attention),
        "ffn_norm.weight": (width,),
        "ffn_up.weight": (2 * ffn, width),
        "ffn_down.weight": (width, ffn),
    }
    return {
        "token_embd.weight": (len(vocab.tokens), width),
        "output_norm.weight": (width,),
        "output.weight": (len(vocab.tokens), width),
    } | _per_layer(sizes, layer)


def _bloom(vocab: Vocab, sizes: Sizes) -> Shapes:
    width, ffn = sizes.width, 4 * sizes.width
    matrices: Shapes = {
        "attn_qkv.weight": (3 * width, width),
        "attn_output.weight": (width, width),
        "ffn_up.weight": (ffn, width),
        "ffn_down.weight": (width, ffn),
        "attn_norm.weight": (width,),
        "ffn_norm.weight": (width,),
    }
    biases: Shapes = {name.replace("weight", "bias"): shape[:1] for name, shape in matrices.items()}
    norms: Shapes = {
        f"{name}.{kind}": (width,)
        for name in ("token_embd_norm", "output_norm")
        for kind in ("weight", "bias")
    }
    embedding: Shapes = {"token_embd.weight": (len(vocab.tokens), width)}
    return embedding | norms | _per_layer(sizes, matrices | biases)


def write_random_gguf(
    path: Path,
    architecture: str,
    *,
    space_prefix: bool = False,
    has_bytes: bool = True,
    template: str | None = None,
    seed: int = 1,
) -> Path:
    """Write a small model with random weights in one of ``ARCHITECTURES``."""
    control = ("<start_of_turn>", "<end_of_turn>") if architecture == "gemma" else CHATML_TOKENS
    vocab = {
        "llama": lambda: _sentencepiece(control, space_prefix=space_prefix, has_bytes=has_bytes),
        "qwen2": lambda: byte_bpe(pre="qwen2"),
        "gemma": lambda: _sentencepiece(control, space_prefix=space_prefix),
        "chatglm": lambda: byte_bpe(pre="chatglm-bpe"),
        "bloom": lambda: byte_bpe(pre="bloom"),
    }[architecture]()
    tensors_of: dict[str, Callable[[Vocab, Sizes], Shapes]] = {
        "llama": _llama,
        "qwen2": _qwen2,
        "gemma": _gemma,
        "chatglm": _chatglm,
        "bloom": _bloom,
    }
    sizes = Sizes()
    random = np.random.default_rng(seed)
    tensors = {
        name: _random_tensor(name, shape, random)
        for name, shape in tensors_of[architecture](vocab, sizes).items()
    }
    template = template or (GEMMA if architecture == "gemma" else CHATML)
    return _write(path, architecture, vocab, sizes, template, tensors)


def _random_tensor(name: str, shape: tuple[int, ...], random: np.random.Generator) -> Array:
    if name.endswith("norm.weight"):
        return np.ones(shape, np.float32)
    return random.normal(0, 0.2, shape).astype(np.float32)


def _write(
    path: Path,
    architecture: str,
    vocab: Vocab,
    sizes: Sizes,
    template: str | None,
    tensors: dict[str, Array],
    pooling: int | None = None,
    per_file: int = 0,
) -> Path:
    writer = gguf.GGUFWriter(path, architecture, split_max_tensors=per_file)
    _add_shape(writer, architecture, sizes)
    add_vocab(writer, vocab)
    if template is not None:
        writer.add_chat_template(template)
    if pooling is not None:
        writer.add_pooling_type(gguf.PoolingType(pooling))
    for name, tensor in tensors.items():
        writer.add_tensor(name, tensor)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def _add_shape(writer: gguf.GGUFWriter, architecture: str, sizes: Sizes) -> None:
    writer.add_context_length(sizes.window)
    writer.add_embedding_length(sizes.width)
    writer.add_block_count(sizes.layers)
    writer.add_feed_forward_length(4 * sizes.width if architecture == "bloom" else sizes.ffn)
    writer.add_head_count(sizes.heads)
    writer.add_head_count_kv(sizes.heads)
    if architecture == "bloom":
        writer.add_layer_norm_eps(1e-5)
        return
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_key_length(sizes.head)
    writer.add_value_length(sizes.head)
    writer.add_rope_dimension_count(sizes.head // 2 if architecture == "chatglm" else sizes.head)


def add_vocab(writer: gguf.GGUFWriter, vocab: Vocab) -> None:
    writer.add_tokenizer_model(vocab.model)
    writer.add_tokenizer_pre(vocab.pre)
    writer.add_token_list(vocab.tokens)
    writer.add_token_types(vocab.types)
    if vocab.merges:
        writer.add_token_merges(vocab.merges)
    else:
        writer.add_token_scores([-float(number) for number in range(len(vocab.tokens))])
    if vocab.bos is not None:
        writer.add_bos_token_id(vocab.bos)
    writer.add_eos_token_id(vocab.eos)
    writer.add_add_bos_token(vocab.add_bos)
    writer.add_add_space_prefix(vocab.space_prefix)


def write_gguf_variant(
    path: Path, architecture: str = "llama", *, template: str | None = CHATML, pooling: int = 0
) -> Path:
    """Write a model that is wrong in one way: an unknown architecture, no template, pooled."""
    vocab, sizes = byte_bpe(), Sizes(layers=1)
    tensors = {name: np.ones(shape, np.float32) for name, shape in _llama(vocab, sizes).items()}
    return _write(path, architecture, vocab, sizes, template, tensors, pooling or None)
