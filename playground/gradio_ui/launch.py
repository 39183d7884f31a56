"""Starts the Gradio app, and says where it is and who can reach it."""

from __future__ import annotations

import atexit
import contextlib
import errno
import io
import os
import queue
import shutil
import signal
import socket
import sys
import tempfile
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TextIO

from engine.language import speaking
from engine.storage.disk_errors import is_refused_write, sentence
from engine.storage.files import runs_root
from playground import preload
from playground.classroom.web import Classes
from playground.gradio_ui import launch_text as text
from playground.gradio_ui import options, quick_import
from playground.gradio_ui.options import Options, parse
from playground.policy import mode
from playground.policy.visitor import visitor_of
from playground.serving import run_time_limit
from playground.serving.first_paint import FirstPaint
from playground.serving.reader_language import PARAMETER, ReaderLanguage
from playground.serving.request_filter import RequestFilter
from playground.serving.streams import Streams
from playground.serving.weights import Weights

if TYPE_CHECKING:
    import gradio as gr
    from starlette.middleware import Middleware

__all__ = ["build", "main", "parse", "serve"]

THREADS = 80
"""Handlers that run at a time: for a class of forty, each with one page that computes and one that is shown."""
WAITING = 1000
"""Events that may wait their turn; more are refused with a sentence of Gradio's."""
SESSIONS = 1000
"""Whose state is stored. Every call of the API is one; those unused for longest are dropped first."""


def main(arguments: Sequence[str]) -> int:
    """Start it and stay until it is ended. Returns the exit status."""
    with speaking(options.language_of_terminal()):
        chosen = parse(arguments)
        if problem := _cannot_listen(chosen.host, chosen.port):
            print(problem, file=sys.stderr)
            return 1
        print(text.COMING, flush=True)
    try:
        demo = build(chosen)
    except OSError as error:  # its folder for temporary files cannot be made
        if not is_refused_write(error):
            raise
        print(sentence(error), file=sys.stderr)
        return 1
    return serve(demo, chosen)


def build(chosen: Options) -> gr.Blocks:
    """The app for these options; nothing is served yet."""
    os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
    # A folder of its own for the files of visitors: the usual one is shared by all Gradio apps of a computer, and each of
    # them would serve the files of the others.
    if "GRADIO_TEMP_DIR" not in os.environ:
        os.environ["GRADIO_TEMP_DIR"] = tempfile.mkdtemp(prefix="playground-")
        atexit.register(shutil.rmtree, os.environ["GRADIO_TEMP_DIR"], ignore_errors=True)
    mode.set_public(chosen.public)
    if (runs := options.runs_folder()) is not None:
        os.environ["DIFFUSION_PLAYGROUND_RUNS"] = runs
    quick_import.import_gradio()
    from playground.gradio_ui import app

    return app.build()


def serve(demo: gr.Blocks, chosen: Options) -> int:
    """Serve it until Ctrl-C or SIGTERM. Returns the exit status."""
    from playground.gradio_ui import app

    ended: queue.SimpleQueue[int] = (
        queue.SimpleQueue()
    )  # an Event's lock may be held when the signal comes, by the wait below
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda number, _frame: ended.put(number))
    if chosen.share:
        _say(lambda: text.ASKING)
    try:
        # Gradio's own messages name its commands, and files to put into folders.
        with contextlib.redirect_stdout(io.StringIO()):
            demo.queue(max_size=WAITING, default_concurrency_limit=None).launch(
                server_name=chosen.host,
                server_port=chosen.port,
                share=chosen.share,
                auth=list(chosen.auth) or None,
                mcp_server=chosen.mcp,
                prevent_thread_lock=True,
                quiet=True,
                inline=False,
                show_error=False,  # only messages that are meant for the reader (gr.Error) are shown
                enable_monitoring=False,
                ssr_mode=False,
                _frontend=False,  # else it asks for its own page, for three seconds, and gives up on a busy machine
                run_history=False,
                max_threads=THREADS,
                max_file_size=_largest_upload(),
                state_session_capacity=SESSIONS,
                app_kwargs={"middleware": _middleware(), "openapi_url": None},
                **app.appearance(),
            )
    except OSError:  # another program took the port meanwhile
        _say(lambda: text.taken(chosen.port) if chosen.port else text.NO_PORT, sys.stderr)
        return 1
    preload.start()  # torch: only now, so that the first page does not wait for it
    if chosen.public:
        run_time_limit.start(visitor_of(None).limits.training_seconds)
    _say(lambda: "\n".join(_startup_lines(chosen, demo)))
    ended.get()
    demo.close(verbose=False)
    _say(lambda: text.CLOSED)
    return 0


def _say(message: Callable[[], str], where: TextIO | None = None) -> None:
    """Print it in the language of the terminal."""
    with speaking(options.language_of_terminal()):
        print(message(), file=where, flush=True)


def _largest_upload() -> int:
    """Bytes."""
    return visitor_of(None).limits.upload_megabytes * 1_000_000


def _middleware() -> list[Middleware]:
    from starlette.middleware import Middleware

    from playground.gradio_ui import first_paint
    from playground.gradio_ui.compat import JOIN, STREAM, STREAM_END, UNUSED_ROUTES, UPLOAD

    return [
        Middleware(Weights),
        Middleware(ReaderLanguage, parameter=PARAMETER),
        Middleware(RequestFilter, upload=_largest_upload(), upload_route=UPLOAD, unused_routes=UNUSED_ROUTES),
        Middleware(Classes, folder=runs_root),
        Middleware(Streams, stream=STREAM, join=JOIN, end=STREAM_END),
        Middleware(FirstPaint, insert=first_paint.insert),
    ]


def _startup_lines(chosen: Options, demo: gr.Blocks) -> list[str]:
    """What is printed when the app is up: where it is, who can reach it, and how to end it."""
    local = str(demo.local_url).rstrip("/")
    if mode.on_spaces():
        kept = text.kept(os.environ.get("DIFFUSION_PLAYGROUND_RUNS"))
        return [text.on_spaces(os.environ["SPACE_ID"]), *_reach(chosen), kept]
    lines = [text.address(local, _network_address(chosen.host, demo.server_port), demo.share_url)]
    if chosen.share and not demo.share_url:
        lines.append(text.NO_SHARE_LINK)
    lines += _reach(chosen)
    if chosen.mcp:
        from playground.gradio_ui import compat

        lines.append(f"{text.MCP_AT} {local}{compat.API}/mcp/")
    return [*lines, text.END]


def _reach(chosen: Options) -> list[str]:
    """Who can come in, and what they may do."""
    others = chosen.share or mode.on_spaces() or not _is_here(chosen.host)
    lines = [text.guarded(len(chosen.auth))] if chosen.auth else [text.OPEN_TO_ALL] if others else []
    if chosen.public:
        return [*lines, text.public_mode(visitor_of(None).limits)]
    return [*lines, text.NOT_PUBLIC] if others else lines


# --- addresses --------------------------------------------------------------------------------------------------------


def _cannot_listen(host: str, port: int | None) -> str:
    """One sentence where the app cannot listen at that address, else ""."""
    try:
        family, kind, proto, _, address = socket.getaddrinfo(host.strip("[]"), port or 0, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, proto) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except (OSError, UnicodeError) as error:
        if port and isinstance(error, OSError) and error.errno == errno.EADDRINUSE:
            return text.taken(port)
        why = getattr(error, "strerror", None) or "it is no address"
        return text.no_address(host, f"{why[:1].lower()}{why[1:]}")
    return ""


def _is_here(host: str) -> bool:
    return host in ("localhost", "::1", "[::1]") or host.startswith("127.")


def _network_address(host: str, port: int) -> str | None:
    """What others on the network type in; None where they cannot come in."""
    if _is_here(host):
        return None
    if host not in ("0.0.0.0", "::", "[::]"):
        return f"http://{host}:{port}"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # sends nothing: it asks the system which of its addresses it would use
            return f"http://{probe.getsockname()[0]}:{port}"
        except OSError:
            return f"http://{socket.gethostname()}:{port}"
