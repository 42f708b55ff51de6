"""Sentence-transformers models of random weights and a few words, made on the spot."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path


def write_tiny_model(
    folder: Path, words: Sequence[str], *, max_tokens: int = 256, dimension: int = 16, seed: int = 7
) -> Path:
    """A one-layer BERT that knows ``words`` (Chinese characters are words), saved as a folder."""
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer import modules
    from transformers import BertConfig, BertModel, BertTokenizer

    bare = folder.with_name(folder.name + ".bare")
    bare.mkdir(parents=True)
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *sorted(set(words))]
    (bare / "vocab.txt").write_text("\n".join(vocabulary), encoding="utf-8")
    BertTokenizer(vocab=str(bare / "vocab.txt")).save_pretrained(bare)
    torch.manual_seed(seed)
    config = BertConfig(
        vocab_size=len(vocabulary),
        hidden_size=dimension,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=dimension,
        max_position_embeddings=max_tokens,
    )
    BertModel(config).save_pretrained(bare)
    transformer = modules.Transformer(str(bare), max_seq_length=max_tokens)
    model = SentenceTransformer(modules=[transformer, modules.Pooling(dimension)], device="cpu")
    model.save(str(folder), create_model_card=False)
    return folder
