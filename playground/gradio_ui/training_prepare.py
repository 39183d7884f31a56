"""Where other data sets of the Training page come from: well-known sets, a folder, a zip, the Hub. Not built in public mode."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.events import Dependency

from playground.gradio_ui import live, page, training_html, widgets
from playground.gradio_ui.following import QUIET
from playground.labs.shared import pictures_html
from playground.labs.shared.naming import data_title, megabytes
from playground.labs.training import pictures as lab
from playground.labs.training import pictures_text as text
from playground.labs.training import pictures_view as view
from playground.labs.training import preparing, sources
from playground.labs.training.controls import TrainingControls
from playground.labs.training.preparing import Preparation
from playground.policy.visitor import visitor_of

POLL = 0.5
"""Seconds between two updates of a preparation."""
SKIP = gr.skip()


class PreparePart:
    """The components, where the caller's `with` stands."""

    def __init__(self, panel: widgets.Panel[TrainingControls]) -> None:
        self._panel = panel
        with gr.Accordion(f"🗂️ {text.OTHERS}", open=False, elem_id="training-others"):
            self._progress = live.live_html("training-preparing")
            with gr.Column() as self._sources:
                sources = [(title, name) for name, title in text.SOURCES.items()]
                self._source = gr.Radio(sources, value="known", label=text.WHERE_FROM, elem_id="training-source")
                self._draw_known()
                self._draw_folder()
                self._draw_zip()
                self._draw_hub()
                self._free = live.live_html("training-free")
        self._timer = gr.Timer(POLL, active=False)
        self._mine = gr.State("")
        """Which preparation was started in this visit: its data set is chosen when it is prepared."""
        self._chosen = gr.State([])
        """Name of the data set that is to be chosen, and a number that differs each time."""
        self._outputs = [self._progress, self._sources, self._timer, self._mine, self._chosen]

    def _draw_known(self) -> None:
        with gr.Column() as self._known_place:
            sets = [(title, name) for name, title in sources.offers().items()]
            self._known = gr.Dropdown(sets, value=sets[0][1], label=text.KNOWN, elem_id="training-known")
            self._offer = live.live_html("training-offer")

    def _draw_folder(self) -> None:
        with gr.Column(visible=False) as self._folder_place:
            self._folder = gr.Textbox(
                label=text.FOLDER, info=text.FOLDER_HELP, placeholder=text.FOLDER_EXAMPLE, max_lines=1
            )
            self._of_folder, self._folder_layout = _choices(), gr.HTML("")
            self._from_folder = gr.Button(text.PREPARE, variant="primary")

    def _draw_zip(self) -> None:
        with gr.Column(visible=False) as self._zip_place:
            self._zip = gr.File(label=text.ZIP, file_types=[".zip"], type="filepath", elem_id="training-zipped")
            gr.Markdown(text.ZIP_HELP)
            self._of_zip, self._zip_layout = _choices(), gr.HTML("")
            self._from_zip = gr.Button(text.PREPARE, variant="primary")

    def _draw_hub(self) -> None:
        with gr.Column(visible=False) as self._hub_place:
            if missing := sources.hub_missing():
                gr.HTML(page.listed([missing]))
            self._hub = gr.Textbox(label=text.HUB, info=text.HUB_HELP, placeholder=text.HUB_EXAMPLE, max_lines=1)
            most = [(text.most(number), number) for number in sources.MOST]
            self._most = gr.Dropdown(most, value=sources.MOST[2], label=text.MOST, info=text.MOST_HELP)
            self._hub_largest, self._hub_white = _largest(), _white()
            self._from_hub = gr.Button(text.PREPARE, variant="primary", interactive=not missing)

    def connect(self, demo: gr.Blocks, message: gr.HTML) -> Dependency:
        """Connect the events; returns the one after which the settings are others."""
        outputs = self._outputs
        places = [self._known_place, self._folder_place, self._zip_place, self._hub_place]
        self._source.change(_shown_source, self._source, places, **QUIET)
        self._known.change(_offer, self._known, self._offer, **QUIET)
        demo.load(_opened, self._known, [*outputs, self._offer, self._free], **QUIET)
        self._timer.tick(_state, self._mine, outputs, trigger_mode="once", **QUIET)
        self._progress.act(_act, self._mine, outputs, **QUIET)
        self._offer.act(_take_offer, None, outputs, **QUIET)
        for press, begin, inputs in (
            (self._from_folder, _from_folder, [self._folder, *self._of_folder]),
            (self._from_zip, _from_zip, [self._zip, *self._of_zip]),
            (self._from_hub, _from_hub, [self._hub, self._most, self._hub_largest, self._hub_white]),
        ):
            press.click(begin, inputs, outputs, **QUIET)
        for place, choices, layout, read in (
            (self._folder, self._of_folder, self._folder_layout, _folder_layout),
            (self._zip, self._of_zip, self._zip_layout, _zip_layout),
        ):
            gr.on(
                [place.change, choices[1].change, choices[2].change],
                read,
                [place, *choices[1:]],
                layout,
                trigger_mode="always_last",
                **QUIET,
            )
        inputs = [self._chosen, *self._panel.state]
        return self._chosen.change(self._take_chosen, inputs, [*self._panel.shown, message], **QUIET)

    def connect_prepared(self, part: gr.HTML) -> None:
        """Let the buttons under a prepared data set work: prepare it again, or remove it."""
        part.act(_act_on_prepared, None, self._outputs, **QUIET)

    def _take_chosen(self, chosen: Any, *values: Any) -> list[Any]:
        state = self._panel.read(values)
        if not isinstance(chosen, list) or not chosen or not isinstance(chosen[0], str):
            return [SKIP] * (len(self._panel.shown) + 1)
        suited, message = view.chosen(state.controls, chosen[0], state.visitor)
        return [*self._panel.update(state, suited), page.listed([message], "info") if message else ""]


def _largest() -> gr.Dropdown:
    sizes = [(text.largest(size), size) for size in sources.LARGEST]
    return gr.Dropdown(sizes, value=sources.LARGEST[1], label=text.LARGEST, info=text.LARGEST_HELP)


def _choices() -> list[gr.Dropdown]:
    """Image size, what folders named like splits are, and what is white."""
    with gr.Row():
        return [
            _largest(),
            gr.Dropdown(
                [(title, name) for name, title in text.FOLDERS_MEAN.items()],
                value="auto",
                label=text.FOLDERS_ARE,
                info=text.FOLDERS_ARE_HELP,
            ),
            _white(),
        ]


def _white() -> gr.Dropdown:
    whites = [(text.white(value), value) for value in text.WHITES]
    return gr.Dropdown(whites, value=0, label=text.WHITE, info=text.WHITE_HELP)


def _folder_layout(path: str, folders_mean: str, white: int) -> str:
    if not path.strip():
        return ""
    return _layout(view.layout_of_folder(path, folders_mean, _white_of(white), visitor_of(None)))


def _zip_layout(path: str | None, folders_mean: str, white: int) -> str:
    if path is None:
        return ""
    with Path(path).open("rb") as file:
        return _layout(view.layout_of_zip(file, folders_mean, _white_of(white), visitor_of(None)))


def _layout(shown: view.LayoutView) -> str:
    """What was understood of a folder or a zip, and examples."""
    examples = "" if shown.sheet is None else pictures_html.sheet(shown.sheet, text.EXAMPLES, width=shown.width)
    return page.notices(shown.notices) + examples


def _shown_source(name: str) -> list[Any]:
    return [gr.update(visible=source == name) for source in text.SOURCES]


def _opened(name: str) -> list[Any]:
    return [*_state(""), _offer(name), training_html.caption(view.free_space())]


def _offer(name: str) -> str:
    """A well-known data set, and a button that downloads it."""
    offer = view.offer_view(name, visitor_of(None))
    if offer is None:
        return ""
    words = f"<p>{live.rich(offer.about)}</p>"
    if offer.is_prepared:
        return f"{words}<p>✅ {text.PREPARED_ALREADY}</p>{live.button(text.CHOOSE, 'act', 'choose', name)}"
    missing = page.listed([offer.missing]) if offer.missing else ""
    download = live.button(f"⬇️ {offer.download}", "act", "download", name, kind="lv-primary")
    return f"{words}{training_html.caption(offer.cost)}{missing}{download}"


# --- what starts a preparation ----------------------------------------------------------------------------------------


def _begin(start: Callable[[], Preparation]) -> list[Any]:
    try:
        mine = _mark(start())
    except (ValueError, OSError) as problem:
        words = str(problem) if isinstance(problem, ValueError) else text.UNREADABLE
        return [page.listed([words], "error"), *[SKIP] * 4]
    return _state(mine)


def _take_offer(event: gr.EventData) -> list[Any]:
    do, name = live.done(event)
    title = sources.offers().get(name)
    if title is None:
        return [SKIP] * 5
    if do == "choose":
        return [*[SKIP] * 4, _choice(name)]
    return _begin(lambda: preparing.start(title, name, visitor_of(None)))


def _from_folder(path: str, largest: int, folders_mean: str, white: int) -> list[Any]:
    who, choices = visitor_of(None), _chosen(largest, folders_mean, white)
    return _begin(lambda: preparing.start(view.folder_title(path), sources.folder_name(path, who), who, **choices))


def _chosen(largest: int, folders_mean: str, white: int) -> dict[str, Any]:
    """The choices as `preparing.start` takes them."""
    return {
        "largest": _one_of(largest, sources.LARGEST),
        "folders_mean": folders_mean,
        "white": _white_of(white),
    }


def _white_of(value: int) -> int:
    return value if value in text.WHITES else 0


def _from_hub(name: str, most: int, largest: int, white: int) -> list[Any]:
    who, choices = visitor_of(None), {"most": _one_of(most, sources.MOST), **_chosen(largest, "auto", white)}
    return _begin(lambda: preparing.start(name.strip(), sources.hub_name(name), who, **choices))


def _from_zip(path: str | None, largest: int, folders_mean: str, white: int) -> list[Any]:
    def start() -> Preparation:
        if path is None:
            raise ValueError(text.ZIP_FIRST)
        if Path(path).stat().st_size > sources.MAX_UPLOAD_MB * 1e6:
            raise ValueError(text.too_large(megabytes(sources.MAX_UPLOAD_MB)))
        # The preparation closes it: it goes on when this has returned.
        choices = _chosen(largest, folders_mean, white)
        return preparing.start_upload(Path(path).open("rb"), Path(path).name, visitor_of(None), **choices)

    return _begin(start)


def _act_on_prepared(event: gr.EventData) -> list[Any]:
    do, name = live.done(event)
    who = visitor_of(None)
    if name not in lab.choices(who):
        return [SKIP] * 5
    if do == "again":
        return _begin(lambda: preparing.start_again(data_title(name), name, who))
    try:
        sources.remove(name, who)
    except ValueError as problem:
        return [page.listed([str(problem)], "error"), *[SKIP] * 4]
    return [*[SKIP] * 4, _choice("digits")]


def _one_of(value: Any, offered: tuple[int, ...]) -> int:
    return value if value in offered else offered[1]


# --- how far one is ---------------------------------------------------------------------------------------------------


def _state(mine: str) -> list[Any]:
    """Progress, whether the sources are visible, whether to poll, which preparation is one's own, and what is chosen."""
    preparation = preparing.current()
    if preparation is None:
        return ["", gr.update(visible=True), gr.Timer(active=False), "", SKIP]
    shown = view.preparing_view(preparation)
    if shown.name and mine == _mark(preparation):
        preparing.forget()
        return ["", gr.update(visible=True), gr.Timer(active=False), "", _choice(shown.name)]
    if shown.is_running:
        words = page.status(shown.text, shown.fraction) + live.button(f"✖️ {text.CANCEL}", "act", "cancel")
    else:
        choose = live.button(text.CHOOSE, "act", "choose", kind="lv-primary") if shown.name else ""
        words = page.notices([shown.notice]) if shown.notice else ""
        words += f'<div class="lv-line">{choose}{live.button(text.SOMETHING_ELSE, "act", "over")}</div>'
    return [words, gr.update(visible=False), gr.Timer(active=shown.is_running), mine, SKIP]


def _act(mine: str, event: gr.EventData) -> list[Any]:
    do, _ = live.done(event)
    preparation, chosen = preparing.current(), SKIP
    if preparation is not None and do == "cancel":
        preparation.stop()
    elif preparation is not None:
        name = view.preparing_view(preparation).name
        chosen = _choice(name) if do == "choose" and name else SKIP
        preparing.forget()
    return [*_state(mine)[:4], chosen]


_numbers = count(1)


def _choice(name: str) -> list[Any]:
    return [name, next(_numbers)]


def _mark(preparation: Preparation) -> str:
    return f"{id(preparation):x}"
