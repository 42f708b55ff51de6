"""Server-sent events: framing, and a response that always closes what it streams from.

Format: https://html.spec.whatwg.org/multipage/server-sent-events.html
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress

from fastapi.responses import Response
from pydantic import BaseModel
from starlette.types import Receive, Scope, Send

# A comment line: clients ignore it, and proxies see that the connection lives.
KEEP_ALIVE = b": keep-alive\n\n"


def frame(event: str, data: BaseModel) -> bytes:
    """One event whose data is one JSON object on one line."""
    return f"event: {event}\ndata: {data.model_dump_json()}\n\n".encode()


def data(item: BaseModel) -> bytes:
    """An event without a name, as OpenAI streams them."""
    return f"data: {item.model_dump_json()}\n\n".encode()


def comment(text: str) -> bytes:
    """A line that clients ignore; ``text`` has no line break."""
    return f": {text}\n\n".encode()


class EventStream(Response):
    """Sends ``first`` and then ``rest``; closes ``rest`` however the response ends.

    Starlette's StreamingResponse leaves an unfinished generator to the garbage collector,
    and with it whatever the generator holds; and it reads ``receive`` itself, which the lane
    already does to learn that the caller left.
    """

    media_type = "text/event-stream"

    def __init__(self, first: bytes, rest: AsyncGenerator[bytes, None]) -> None:
        self._first = first
        self._rest = rest
        self.status_code = 200
        self.background = None
        # nginx buffers answers unless told not to.
        self.init_headers({"Cache-Control": "no-store", "X-Accel-Buffering": "no"})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        async with aclosing(self._rest):
            with suppress(OSError):  # the caller left; newer ASGI servers say so this way
                await self._send(send)

    async def _send(self, send: Send) -> None:
        start = {"type": "http.response.start", "status": 200, "headers": self.raw_headers}
        await send(start)
        await _send_part(send, self._first, more=True)
        async for part in self._rest:
            await _send_part(send, part, more=True)
        await _send_part(send, b"", more=False)


async def _send_part(send: Send, body: bytes, *, more: bool) -> None:
    await send({"type": "http.response.body", "body": body, "more_body": more})
