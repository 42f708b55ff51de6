"""Use a collection as the retriever of a LangChain chain.

    rag ingest examples/knowledge
    python examples/langchain_retriever.py

The chain is plain LCEL. In place of a chat model stands a function that repeats the first
line of the context, so that this runs without one and without a network; put any LangChain
chat model there, followed by ``StrOutputParser()``.
"""

from __future__ import annotations

from contextlib import closing
from operator import itemgetter

from langchain_core.documents import Document
from langchain_core.prompt_values import PromptValue
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import RunnableLambda, RunnablePassthrough

from rag_service.bootstrap import open_service
from rag_service.settings import load_settings

QUESTIONS = (
    "What restocking fee is kept back when unused goods are returned?",
    "甲类城市的住宿费上限是多少？",
)
PROMPT = ChatPromptTemplate.from_messages(
    [
        ("system", "Answer from these passages only:\n{context}"),
        ("user", "{question}"),
    ]
)


def joined(documents: list[Document]) -> str:
    """One line a passage, with where it comes from."""
    return "\n".join(
        f"{document.metadata['source']}: {' '.join(document.page_content.split())}"
        for document in documents
    )


def first_passage(prompt: PromptValue) -> str:
    """Stands in for a chat model: answers with the best passage."""
    return str(prompt.to_messages()[0].content).splitlines()[1]


def main() -> None:
    with closing(open_service(load_settings())) as service:
        retriever = service.retriever("default", top_k=4)
        chain = (
            {"question": RunnablePassthrough()}
            | RunnablePassthrough.assign(context=itemgetter("question") | retriever | joined)
            | PROMPT
            | RunnableLambda(first_passage)
        )
        for question in QUESTIONS:
            print(f"Q: {question}\nA: {chain.invoke(question)}")


if __name__ == "__main__":
    main()
