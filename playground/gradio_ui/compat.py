"""What this app knows of Gradio's private parts. No other file does.

Written for the versions in `VERSIONS`. `changes` compares the installed Gradio with what is assumed here; a test reports it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import gradio as gr
from gradio.blocks import Block, BlocksConfig
from gradio.components import Component
from gradio.context import Context, LocalContext
from gradio.routes import App
from gradio.server_messages import CloseStreamMessage
from starlette.routing import Match

from engine.language import ENGLISH, chosen, language
from playground.gradio_ui.quick_import import VERSIONS, is_known
from playground.serving.reader_language import PARAMETER

API = "/gradio_api"
STREAM, JOIN, UPLOAD = f"{API}/queue/data", f"{API}/queue/join", f"{API}/upload"
"""Routes: the stream of results of a page, its events, and its files."""
STREAM_END = b'"msg":"close_stream"'
"""In the last message of a stream."""
_building = threading.Lock()
UNUSED_ROUTES = (
    f"{API}/process_recording",  # runs ffmpeg on the file it receives
    f"{API}/deep_link",  # stores a copy of all values of a session at every call; links are in the address here
    f"{API}/run-history",
    f"{API}/vibe",
    f"{API}/undo-vibe",
    f"{API}/proxy=",
    f"{API}/stream",
    f"{API}/dev",
    "/monitoring",
)
"""Beginnings of routes that this app does not use."""


def event_data(event: gr.EventData) -> Mapping[str, Any]:
    """What JavaScript gave to `trigger`. Anyone may send anything: empty for what is no mapping."""
    return event._data if isinstance(event._data, dict) else {}


def next_id() -> int:
    """The number that the next component gets."""
    return int(Context.id)


def component_id(component: Block) -> int:
    """The number by which a page and its sessions know a component."""
    return component._id


def input_event(component: Component) -> Any:
    """The event that tells that the reader, and not the page itself, has changed a component; each class adds its own."""
    return component.input  # type: ignore[attr-defined]


def start_page(demo: gr.Blocks, address: str, title: str) -> None:
    """What is drawn from here on stands on a page of its own, as after `with demo.route(title, address)`.

    At the end of each such block Gradio makes its whole server anew, with a description of every component there is so far:
    for ten pages that was a fifth of the time until the first could be seen.
    """
    demo.pages.append((address, title, True))
    demo.current_page = address


def language_of_event() -> str | None:
    """The language of the page whose event is being handled; None where none is, or where nothing says so.

    Every event comes with the address of the page as it was opened, and with the headers of its browser.
    """
    request = LocalContext.request.get(None)
    if request is None or getattr(request, "request", None) is None:
        return None
    return chosen(request.query_params.get(PARAMETER), request.headers.get("accept-language")) or ENGLISH


class Blocks(gr.Blocks):
    """Blocks whose description, which is what a page is drawn from, is in the language of who asks for it.

    Gradio describes an app once, with all its texts. Another language is another app with the same components, made by the
    same code in that language when somebody asks for the first time; only its description is used.
    """

    rebuild: Callable[[], Blocks]
    """Makes the app again, in the language that is spoken then."""
    first_id = 0

    @property
    def config(self) -> Any:
        """What Gradio's routes send."""
        own, tag = self.__dict__["config"], language()
        return own if tag == ENGLISH else {**own, **self._translated(tag)}

    @config.setter
    def config(self, described: Any) -> None:
        self.__dict__["config"] = described

    def _translated(self, tag: str) -> dict[str, Any]:
        with _building:
            kept: dict[str, dict[str, Any]] = self.__dict__.setdefault("translated", {})
            if tag not in kept:
                latest, Context.id = Context.id, self.first_id  # so that components have the same numbers
                try:
                    described = self.rebuild().__dict__["config"]
                finally:
                    Context.id = max(latest, Context.id)
                kept[tag] = {name: described[name] for name in ("components", "dependencies", "pages", "page")}
            return kept[tag]


def describe_once(demo: gr.Blocks) -> None:
    """Let sessions share the descriptions of components; to be called when all pages are built.

    Gradio describes every component of all pages anew for each new session, in the loop that answers all visitors: 0.1 s for
    each of forty who come together, so that the last waits for four. It does so for its deep links alone, whose values it
    keeps there as well: all that a session was sent, megabytes of it. This app has links of its own and needs neither.
    """
    demo.default_config = _SharedConfig(demo.default_config, {}, {})


class _SharedDescription(dict[str, Any]):
    """A description that sessions share: what is written into its properties goes into a copy, and is dropped."""

    def __getitem__(self, name: str) -> Any:
        value = super().__getitem__(name)
        return dict(value) if name == "props" else value


class _SharedConfig(BlocksConfig):
    """The components of the app. Its copies are those of its sessions, which get shared descriptions."""

    def __init__(self, config: BlocksConfig, shared: dict[int, _SharedDescription], built: Mapping[int, Any]) -> None:
        vars(self).update(vars(config))
        self._shared, self._built = shared, built

    def __copy__(self) -> _SharedConfig:
        config: BlocksConfig = super().__copy__()  # type: ignore[no-untyped-call]
        return _SharedConfig(config, self._shared, self._built or dict(self.blocks))

    def config_for_block(  # type: ignore[override]  # a static method there
        self, _id: int, rendered_ids: list[int], block: Block | Component, renderable: Any = None
    ) -> dict[str, Any]:
        describe = super().config_for_block
        if not self._built or renderable is not None:  # not for a session
            return describe(_id, rendered_ids, block, renderable)
        if self._built.get(_id) is not block:  # which the session has changed
            return _SharedDescription(describe(_id, rendered_ids, block))
        if _id not in self._shared:
            self._shared[_id] = _SharedDescription(describe(_id, rendered_ids, block))
        return self._shared[_id]


def changes() -> list[str]:
    """One sentence for each assumption of this file that the installed Gradio does not meet; empty where it meets all."""
    return list(_changes())


def _changes() -> Iterator[str]:
    if not is_known(gr.__version__):
        yield f"Gradio {gr.__version__} is installed, and compat.py was checked for {', '.join(VERSIONS)}."
    with gr.Blocks(analytics_enabled=False) as demo:
        component = gr.Textbox()
    if not isinstance(getattr(component, "_id", None), int):
        yield "A component has no number `_id`."
    if getattr(gr.EventData(None, {"value": 1}), "_data", None) != {"value": 1}:
        yield "EventData does not keep what was triggered in `_data`."
    if not isinstance(getattr(demo, "pages", None), list) or not hasattr(demo, "current_page"):
        yield "Blocks has no list `pages` or no `current_page`."
    if not isinstance(getattr(demo, "default_config", None), BlocksConfig):
        yield "Blocks keeps its components elsewhere than in `default_config`."
    if not isinstance(vars(BlocksConfig).get("config_for_block"), staticmethod) or "__copy__" not in vars(BlocksConfig):
        yield "BlocksConfig describes its components, or is copied, in another way."
    app = App.create_app(demo)
    for path, method in ((STREAM, "GET"), (JOIN, "POST"), (UPLOAD, "POST")):
        scope = {"type": "http", "path": path, "method": method, "root_path": "", "headers": []}
        if not any(route.matches(scope)[0] is Match.FULL for route in app.routes):
            yield f"There is no route {method} {path}."
    if STREAM_END not in CloseStreamMessage().model_dump_json().encode():
        yield f"The last message of a stream does not contain {STREAM_END.decode()}."
