"""A cross-encoder small enough to be made by a test, whose scores have a meaning."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from transformers import BertConfig, BertForSequenceClassification, BertTokenizer

_SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
_SHARP = 40.0  # attention looks at one place alone
_WINDOW = 256


def write_cross_encoder(folder: Path, words: Sequence[str], *, labels: int = 1) -> Path:
    """A BERT that counts: the larger the share of the question's tokens that stand in the
    passage, the higher the score. It knows ``words`` alone (of Chinese: single characters).
    """
    from sentence_transformers import CrossEncoder

    vocabulary = [*_SPECIAL, *words]
    folder.mkdir(parents=True)
    (folder / "vocab.txt").write_text("\n".join(vocabulary), encoding="utf-8")
    BertTokenizer(vocab=str(folder / "vocab.txt"), model_max_length=_WINDOW).save_pretrained(folder)
    _counting_bert(len(vocabulary), labels).save_pretrained(folder)
    CrossEncoder(str(folder), device="cpu").save(str(folder), create_model_card=False)
    return folder


@torch.no_grad()
def _counting_bert(words: int, labels: int) -> Any:
    """Dimensions: one a word, then "in the passage" and "found"."""
    passage, found = words, words + 1
    config = BertConfig(
        vocab_size=words,
        hidden_size=words + 2,
        num_hidden_layers=2,
        num_attention_heads=1,
        intermediate_size=1,
        max_position_embeddings=_WINDOW,
    )
    config.num_labels = labels
    bert: Any = BertForSequenceClassification(config)
    for name, parameter in bert.named_parameters():
        parameter.fill_(1.0 if name.endswith("LayerNorm.weight") else 0.0)
    embeddings = bert.bert.embeddings
    embeddings.word_embeddings.weight[:, :words] = torch.eye(words)
    embeddings.token_type_embeddings.weight[1, passage] = 1.0
    finding, counting = (layer.attention for layer in bert.bert.encoder.layer)
    # Every token looks for its like in the passage, and at [CLS] where there is none.
    at = {passage: 1.0, _SPECIAL.index("[CLS]"): 1.0}
    _look(finding.self.query, finding.self.key, words, at)
    _move(finding, passage, found)
    # Every token looks at all of the question alike.
    _look(counting.self.query, counting.self.key, 0, {passage: -1.0})
    _move(counting, found, found)
    bert.bert.pooler.dense.weight[found, found] = 0.1  # far from where tanh is flat
    bert.classifier.weight[:, found] = 10.0
    return bert


def _look(query: Any, key: Any, alike: int, at: dict[int, float]) -> None:
    """Attention to tokens that share one of the first ``alike`` dimensions, and to those ``at``."""
    size = query.out_features
    key.weight.copy_(torch.eye(size))
    query.weight[:alike, :alike] = _SHARP * torch.eye(alike) / size**0.5
    for dimension, strength in at.items():
        query.bias[dimension] += _SHARP * strength


def _move(attention: Any, source: int, target: int) -> None:
    """What is seen in dimension ``source`` is added to ``target``."""
    attention.self.value.weight[source, source] = 1.0
    attention.output.dense.weight[target, source] = 1.0
