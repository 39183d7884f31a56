"""Where other pictures for training are got from: well-known sets, a folder, a zip, the Hub. Not built where strangers come."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.events import Dependency

from playground.gradio_ui import live, page, widgets
from playground.gradio_ui.following import QUIET
from playground.labs.shared import naming
from playground.labs.shared.controls import checked
from playground.labs.training import pictures as lab
from playground.labs.training import pictures_text as text
from playground.labs.training import preparing
from playground.labs.training.controls import TrainingControls
from playground.labs.training.preparing import Preparation
from playground.policy.visitor import visitor_of

POLL = 0.5
"""Seconds between two looks at a preparation."""


class PrepareView:
    """The components, where the caller's `with` stands; `known` is the set that is looked at first."""

    def __init__(self) -> None:
        offers = lab.offers()
        with gr.Accordion(f"🗂️ {text.OTHERS}", open=False, elem_id="training-others"):
            self._progress = live.live_html("training-preparing")
            with gr.Column() as self._sources:
                sources = [(title, name) for name, title in text.SOURCES.items()]
                self._source = gr.Radio(sources, value="known", label="Where from", elem_id="training-source")
                with gr.Column() as known:
                    sets = [(offer.title, name) for name, offer in offers.items()]
                    self._known = gr.Dropdown(sets, value=next(iter(offers)), label="Set", elem_id="training-known")
                    self._offer = live.live_html("training-offer")
                with gr.Column(visible=False) as folder:
                    self._folder = gr.Textbox(
                        label=text.FOLDER, info=text.FOLDER_HELP, placeholder=text.FOLDER_EXAMPLE, max_lines=1
                    )
                    self._folder_largest, self._from_folder = _largest(), gr.Button(text.PREPARE, variant="primary")
                with gr.Column(visible=False) as zipped:
                    self._zip = gr.File(label=text.ZIP, file_types=[".zip"], type="filepath", elem_id="training-zipped")
                    gr.Markdown(text.ZIP_HELP)
                    self._zip_largest, self._from_zip = _largest(), gr.Button(text.PREPARE, variant="primary")
                with gr.Column(visible=False) as hub:
                    if missing := lab.hub_missing():
                        gr.HTML(page.listed([missing]))
                    self._hub = gr.Textbox(label=text.HUB, info=text.HUB_HELP, placeholder="owner/name", max_lines=1)
                    most = [(text.most(number), number) for number in lab.MOST]
                    self._most = gr.Dropdown(most, value=lab.MOST[2], label=text.MOST, info=text.MOST_HELP)
                    self._hub_largest = _largest()
                    self._from_hub = gr.Button(text.PREPARE, variant="primary", interactive=not missing)
                self._free = live.live_html("training-free")
        self._places = dict(zip(text.SOURCES, (known, folder, zipped, hub), strict=True))
        self._timer = gr.Timer(POLL, active=False)
        self._mine = gr.State("")
        """Which preparation was begun in this visit: its pictures are chosen when they are there."""
        self._taken = gr.State([])
        """Name of the set that is to be chosen now, and a number that differs each time."""

    def connect(self, demo: gr.Blocks, panel: widgets.Panel[TrainingControls], told: gr.HTML) -> Dependency:
        """Returns the event after which the settings are others."""
        looked = [self._progress, self._sources, self._timer, self._mine, self._taken]
        self._source.change(
            lambda name: [gr.update(visible=place == name) for place in self._places],
            self._source,
            list(self._places.values()),
            **QUIET,
        )
        self._known.change(_offered, self._known, self._offer, **QUIET)
        demo.load(
            lambda name: [*_look(""), _offered(name), _free()], self._known, [*looked, self._offer, self._free], **QUIET
        )
        self._timer.tick(_look, self._mine, looked, trigger_mode="once", **QUIET)
        self._progress.act(_acted, self._mine, looked, **QUIET)
        self._offer.act(_get, None, looked, **QUIET)
        for press, begin, inputs in (
            (self._from_folder, _from_folder, [self._folder, self._folder_largest]),
            (self._from_zip, _from_zip, [self._zip, self._zip_largest]),
            (self._from_hub, _from_hub, [self._hub, self._most, self._hub_largest]),
        ):
            press.click(begin, inputs, looked, **QUIET)

        def take(taken: Any, *values: Any) -> list[Any]:
            controls, _ = panel.read(values)
            if not isinstance(taken, list) or not taken or not isinstance(taken[0], str):
                return [gr.skip()] * (len(panel.shown) + 1)
            flips, rotation = lab.suggestion(taken[0], visitor_of(None))
            suited = checked(controls, data=taken[0][:1000], size=0, upsampling=False, flips=flips, rotation=rotation)
            words = ""
            if (flips, rotation) != (controls.flips, controls.rotation):
                words = page.listed([text.treated(flips, rotation)], "info")
            return [*panel.update(suited), words]

        return self._taken.change(take, [self._taken, *panel.state], [*panel.shown, told], **QUIET)

    def again(self, part: gr.HTML) -> None:
        """Let the buttons in what is shown of a prepared set work: prepare it again, or take it off the disk."""
        part.act(_kept, None, [self._progress, self._sources, self._timer, self._mine, self._taken], **QUIET)


def _largest() -> gr.Dropdown:
    sizes = [(text.largest(size), size) for size in lab.LARGEST]
    return gr.Dropdown(sizes, value=lab.LARGEST[1], label=text.LARGEST, info=text.LARGEST_HELP)


def _offered(name: str) -> str:
    """What one of the well-known sets is, and a button that gets it."""
    offer = lab.offers().get(name)
    if offer is None:
        return ""
    words = f"<p>{live.rich(offer.about)}</p>"
    if name in lab.choices(visitor_of(None)):
        return f"{words}<p>✅ {text.PREPARED_ALREADY}</p>{live.button(text.CHOOSE, 'act', 'choose', name)}"
    size = naming.megabytes(offer.megabytes)
    cost = text.offer(size, naming.megabytes(offer.on_disk), offer.licence)
    missing = page.listed([offer.missing]) if offer.missing else ""
    get = live.button(f"⬇️ Download {size}", "act", "download", name, kind="lv-primary")
    return f'{words}<p class="lv-caption">{live.rich(cost)}</p>{missing}{get}'


def _free() -> str:
    return f'<p class="lv-caption">{text.free(naming.megabytes(lab.free_megabytes()))}</p>'


# --- what begins a preparation ----------------------------------------------------------------------------------------


def _begin(start: Callable[[], Preparation]) -> list[Any]:
    try:
        mine = _mark(start())
    except (ValueError, OSError) as problem:
        words = str(problem) if isinstance(problem, ValueError) else "The file cannot be read."
        return [page.listed([words], "error"), gr.skip(), gr.skip(), gr.skip(), gr.skip()]
    return _look(mine)


def _get(event: gr.EventData) -> list[Any]:
    do, name = live.done(event)
    offer = lab.offers().get(name)
    if offer is not None and do == "choose":
        return [gr.skip(), gr.skip(), gr.skip(), gr.skip(), _taken(name)]
    if offer is None:
        return [gr.skip()] * 5
    return _begin(lambda: preparing.start(offer.title, name, visitor_of(None)))


def _from_folder(path: str, largest: int) -> list[Any]:
    title, visitor = path.strip().rstrip("/").rsplit("/", 1)[-1], visitor_of(None)
    size = _one_of(largest, lab.LARGEST)
    return _begin(lambda: preparing.start(title, lab.folder_name(path, visitor), visitor, largest=size))


def _from_hub(name: str, most: int, largest: int) -> list[Any]:
    size, number = _one_of(largest, lab.LARGEST), _one_of(most, lab.MOST)
    return _begin(
        lambda: preparing.start(name.strip(), lab.hub_name(name), visitor_of(None), largest=size, most=number)
    )


def _from_zip(path: str | None, largest: int) -> list[Any]:
    def start() -> Preparation:
        if path is None:
            raise ValueError(text.ZIP_FIRST)
        if Path(path).stat().st_size > lab.MAX_UPLOAD_MB * 1e6:
            raise ValueError(text.too_large(naming.megabytes(lab.MAX_UPLOAD_MB)))
        # Closed when it has been read: the preparation goes on when this has returned.
        size = _one_of(largest, lab.LARGEST)
        return preparing.start_upload(Path(path).open("rb"), Path(path).name, visitor_of(None), largest=size)

    return _begin(start)


def _kept(event: gr.EventData) -> list[Any]:
    """What is done with a set that was prepared here."""
    do, name = live.done(event)
    if name not in lab.choices(visitor_of(None)):
        return [gr.skip()] * 5
    if do == "again":
        return _begin(lambda: preparing.start_again(naming.data_title(name), name, visitor_of(None)))
    try:
        lab.remove(name, visitor_of(None))
    except ValueError as problem:
        return [page.listed([str(problem)], "error"), *[gr.skip()] * 4]
    return [gr.skip(), gr.skip(), gr.skip(), gr.skip(), _taken("digits")]


def _one_of(value: Any, offered: tuple[int, ...]) -> int:
    return value if value in offered else offered[1]


# --- how far one is ---------------------------------------------------------------------------------------------------


def _look(mine: str) -> list[Any]:
    """Progress, whether the sources are there, whether to look again, whose it is, and what is to be chosen."""
    one = preparing.current()
    if one is None:
        return ["", gr.update(visible=True), gr.Timer(active=False), "", gr.skip()]
    progress = one.progress
    if progress.status == "running":
        words = f"<span><b>{_plain(one.title)}</b>: {_plain(progress.in_words)}</span>"
        share = f'<div class="dp-bar"><i style="width:{100 * progress.share:.1f}%"></i></div>'
        cancel = live.button("✖️ Cancel", "act", "cancel")
        shown = f'<div class="dp-status-line">{words}{share}</div>{cancel}'
        return [shown, gr.update(visible=False), gr.Timer(active=True), mine, gr.skip()]
    if progress.status == "done" and mine == _mark(one):
        preparing.forget()
        return ["", gr.update(visible=True), gr.Timer(active=False), "", _taken(progress.name)]
    over = live.button(text.SOMETHING_ELSE, "act", "over")
    if progress.status == "done":
        choose = live.button(text.CHOOSE, "act", "choose", kind="lv-primary")
        shown = f'<p>✅ {_plain(one.title)} is prepared.</p><div class="lv-line">{choose}{over}</div>'
    elif progress.status == "failed":
        shown = page.listed([progress.error], "error") + over
    else:
        shown = page.listed([text.CANCELLED], "info") + over
    return [shown, gr.update(visible=False), gr.Timer(active=False), mine, gr.skip()]


def _acted(mine: str, event: gr.EventData) -> list[Any]:
    do, _ = live.done(event)
    one = preparing.current()
    taken = gr.skip()
    if one is not None and do == "cancel":
        one.stop()
    elif one is not None:
        if do == "choose" and one.progress.status == "done":
            taken = _taken(one.progress.name)
        preparing.forget()
    return [*_look(mine)[:4], taken]


_count = 0


def _taken(name: str) -> list[Any]:
    global _count
    _count += 1
    return [name, _count]


def _mark(one: Preparation) -> str:
    return f"{id(one):x}"


def _plain(text: str) -> str:
    return live.rich(text.replace("*", "").replace("`", ""))
