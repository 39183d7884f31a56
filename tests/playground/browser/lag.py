"""A network between browser and server that is slow now and then: what tells of a stream's end comes late."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

LATE = 0.3
"""Seconds."""


@contextmanager
def late_ends(url: str, seconds: float = LATE) -> Iterator[str]:
    """Give another address of the same server. By it, a stream's last message, and only that, arrives so much later."""
    upstream = urlsplit(url)
    begun, ended = threading.Event(), threading.Event()
    port = 0

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(1 << 16):
                if b'"close_stream"' in data:
                    await asyncio.sleep(seconds)
                writer.write(data)
                await writer.drain()
        writer.close()

    async def join(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.CancelledError):  # at the end of the test
            there, here = await asyncio.open_connection(upstream.hostname, upstream.port)
            async with asyncio.TaskGroup() as both:
                both.create_task(pump(reader, here))
                both.create_task(pump(there, writer))

    async def listen() -> None:
        nonlocal port
        async with await asyncio.start_server(join, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            begun.set()
            await asyncio.to_thread(ended.wait)
            for task in asyncio.all_tasks() - {asyncio.current_task()}:
                task.cancel()

    thread = threading.Thread(target=lambda: asyncio.run(listen()), daemon=True)
    thread.start()
    assert begun.wait(10)
    try:
        yield f"{upstream.scheme}://127.0.0.1:{port}"
    finally:
        ended.set()
        thread.join(10)
