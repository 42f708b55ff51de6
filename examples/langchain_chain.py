"""A plain LangChain chain over a collection: called, streamed, filtered and watched.

    rag ingest examples/knowledge
    python examples/langchain_chain.py

Nothing here but `open_retriever` and `Filters` is ours. In place of a chat model stands one
that repeats the best passage, so that this runs without a model and without a network; put any
LangChain chat model there, such as ``init_chat_model("ollama:qwen3")``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.documents import Document
from langchain_core.language_models import SimpleChatModel
from langchain_core.messages import BaseMessage
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import Runnable, RunnablePassthrough

from rag_service import Filters, open_retriever

PROMPT = ChatPromptTemplate.from_messages(
    [
        ("system", "Answer from these passages only:\n{context}"),
        ("user", "{question}"),
    ]
)


class FirstPassage(SimpleChatModel):
    """Stands in for a chat model: answers with the best passage."""

    @property
    def _llm_type(self) -> str:
        return "first-passage"

    def _call(self, messages: list[BaseMessage], *_: Any, **__: Any) -> str:
        return str(messages[0].content).splitlines()[1]


class Watch(BaseCallbackHandler):
    """Prints what the retriever found, and what it has to say about the search."""

    def on_retriever_end(self, documents: Sequence[Document], **_: Any) -> None:
        print("  found:", ", ".join(dict.fromkeys(d.metadata["source"] for d in documents)))

    def on_custom_event(self, name: str, data: Any, **_: Any) -> None:
        print(f"  {name}:", *data)


def joined(documents: list[Document]) -> str:
    """One line a passage, with where it comes from."""
    return "\n".join(
        f"{document.metadata['source']}: {' '.join(document.page_content.split())}"
        for document in documents
    )


def chain_over(retriever: Runnable[str, list[Document]]) -> Runnable[str, str]:
    return (
        {"context": retriever | joined, "question": RunnablePassthrough()}
        | PROMPT
        | FirstPassage()
        | StrOutputParser()
    )


async def streamed(chain: Runnable[str, str], question: str) -> str:
    return "".join([piece async for piece in chain.astream(question)])


def main() -> None:
    with open_retriever("default", top_k=4) as retriever:
        chain = chain_over(retriever)
        question = "What restocking fee is kept back when unused goods are returned?"
        print("invoke:", chain.invoke(question, config={"callbacks": [Watch()]}))
        print("astream:", asyncio.run(streamed(chain, "甲类城市的住宿费上限是多少？")))
        # What may differ from call to call is bound, or given to the retriever itself.
        manuals = chain_over(retriever.bind(filters=Filters(sources=("products/*",)), top_k=2))
        print("filtered:", manuals.invoke(question))


if __name__ == "__main__":
    main()
