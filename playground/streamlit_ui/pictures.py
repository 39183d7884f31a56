"""The data sets of the Training page: the images of the next run, and where others come from. Layout only."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import streamlit as st

from engine.language import _
from playground.labs.shared import pictures_html
from playground.labs.shared.naming import data_title
from playground.labs.training import pictures_text as text
from playground.labs.training import pictures_view as view
from playground.labs.training import preparing, sources
from playground.labs.training import text as training_text
from playground.labs.training.controls import TrainingControls
from playground.labs.training.preparing import Preparation
from playground.streamlit_ui import page, visitor, widgets

if TYPE_CHECKING:
    from engine.training.config import TrainConfig

POLL = 0.4
"""Seconds between two updates of a preparation."""
LAB = "training"
CHOSEN, BEFORE, MESSAGE = "training/pictures chosen", "training/pictures before", "training/pictures message"
MINE = "training/pictures mine"
"""What this session has begun to prepare; others see it too, and may choose it."""


def take_chosen() -> None:
    """Take the data set that was just chosen into the controls; before they are drawn."""
    name = st.session_state.pop(CHOSEN, None)
    kept = st.session_state.get(f"{LAB}/controls")
    if name is not None and kept is not None:
        _set(*view.chosen(kept, name, visitor.current()))


def follow(controls: TrainingControls) -> None:
    """Augment the images of a data set that was just chosen in the controls as suits them, and say so."""
    before: TrainingControls | None = st.session_state.get(BEFORE)
    st.session_state[BEFORE] = controls
    if before is None or before.data == controls.data:
        return
    st.session_state.pop(MESSAGE, None)
    suited, message = view.followed(before, controls, visitor.current())
    if message:
        _set(suited, message)
        st.rerun()


def _set(controls: TrainingControls, message: str) -> None:
    widgets.set_controls(LAB, controls)
    st.session_state[BEFORE] = controls
    if message:
        st.session_state[MESSAGE] = message


def show(config: TrainConfig | None, *, expanded: bool) -> None:
    """Draw both parts.

    Args:
        config: the run that would be started; None where it cannot start.
        expanded: whether the images are open to see.
    """
    if config is not None:
        _pictures(config, expanded)
    if visitor.current().public:
        st.caption(training_text.SHARED_PICTURES)
        return
    preparation = preparing.current()
    with st.expander(text.OTHERS, icon="🗂️", expanded=preparation is not None):
        if preparation is None:
            _sources()
        else:
            st.fragment(_watch, run_every=POLL if preparation.state.is_running else None)(preparation)


# --- the images of the next run ---------------------------------------------------------------------------------------


def _pictures(config: TrainConfig, expanded: bool) -> None:
    with st.spinner(text.LOADING):
        shown = view.pictures_view(config, visitor.current())
    if shown is None:  # the estimate says why
        return
    with st.expander(page.plain(shown.heading), icon="🖼️", expanded=expanded):
        if message := st.session_state.get(MESSAGE):
            st.info(message, icon="🪞")
        st.html(
            pictures_html.sheet(shown.sheet, shown.heading, width=shown.width)
        )  # st.image has no text for the blind
        page.looking_at(shown.about)
        lines = [
            _("{name}: {value}", name=f"**{title}**", value=page.plain(words)) if title else page.plain(words)
            for title, words in shown.lines
        ]
        st.markdown("  \n".join(lines))
        if shown.note:
            st.caption(shown.note)
        if shown.prepared:
            _prepared(shown.prepared)


def _prepared(name: str) -> None:
    """What can be done with a prepared data set."""
    if _has_changed(name):
        st.warning(text.CHANGED)
        if st.button(text.AGAIN, icon="🔄", key="training/pictures again", disabled=preparing.current() is not None):
            _start(lambda: preparing.start_again(data_title(name), name, visitor.current()))
    with st.popover(text.REMOVE_TITLE, icon="🗑️"):
        st.write(view.freed_space(name))
        if st.button(text.REMOVE, key="training/pictures remove"):
            try:
                sources.remove(name, visitor.current())
            except ValueError as error:
                st.error(page.plain(str(error)))
            else:
                _choose("digits")


def _has_changed(name: str) -> bool:
    """Checked once in a session: it takes a moment for a large folder."""
    known: dict[str, bool] = st.session_state.setdefault("training/pictures changed", {})
    if name not in known:
        known[name] = sources.has_changed(name)
    return known[name]


# --- other data sets --------------------------------------------------------------------------------------------------


def _sources() -> None:
    source = st.segmented_control(
        text.WHERE_FROM,
        list(text.SOURCES),
        default="known",
        required=True,
        format_func=text.SOURCES.__getitem__,
        key="training/pictures from",
    )
    {"known": _known, "folder": _folder, "zip": _zip, "hub": _hub}[source or "known"]()
    st.caption(view.free_space())


def _known() -> None:
    offers = sources.offers()
    name = st.selectbox(text.KNOWN, list(offers), format_func=offers.__getitem__, key="training/pictures known")
    offer = view.offer_view(name, visitor.current())
    assert offer is not None
    st.markdown(offer.about)
    if offer.is_prepared:
        st.success(text.PREPARED_ALREADY)
        if st.button(text.CHOOSE, type="primary", key="training/pictures choose"):
            _choose(name)
        return
    st.caption(offer.cost)
    if offer.missing:
        st.warning(page.plain(offer.missing))
    if st.button(offer.download, type="primary", icon="⬇️", key="training/pictures download"):
        _start(lambda: preparing.start(offer.title, name, visitor.current()))


def _folder() -> None:
    who = visitor.current()
    path = st.text_input(
        text.FOLDER, placeholder=text.FOLDER_EXAMPLE, help=text.FOLDER_HELP, key="training/pictures folder"
    )
    largest, folders_mean, white = _choices("folder")
    if path.strip():
        _layout((path, folders_mean, white), lambda: view.layout_of_folder(path, folders_mean, white, who))
    if st.button(text.PREPARE, type="primary", disabled=not path.strip(), key="training/pictures prepare folder"):
        title = view.folder_title(path)
        _start(
            lambda: preparing.start(
                title, sources.folder_name(path, who), who, largest=largest, folders_mean=folders_mean, white=white
            )
        )


def _zip() -> None:
    who = visitor.current()
    file = st.file_uploader(
        text.ZIP,
        type=["zip"],
        max_upload_size=sources.MAX_UPLOAD_MB,
        help=text.ZIP_HELP,
        key=f"training/pictures zip {st.session_state.get('training/pictures zips', 0)}",
    )
    largest, folders_mean, white = _choices("zip")
    if file is not None:
        _layout((file.file_id, folders_mean, white), lambda: view.layout_of_zip(file, folders_mean, white, who))
    if st.button(text.PREPARE, type="primary", disabled=file is None, key="training/pictures prepare zip") and file:
        _start(
            lambda: preparing.start_upload(
                file, file.name, who, largest=largest, folders_mean=folders_mean, white=white
            )
        )


def _hub() -> None:
    if missing := sources.hub_missing():
        st.warning(page.plain(missing))
    name = st.text_input(text.HUB, placeholder=text.HUB_EXAMPLE, help=text.HUB_HELP, key="training/pictures hub")
    left, middle, right = st.columns(3)
    with left:
        most = st.selectbox(
            text.MOST, sources.MOST, index=2, format_func=text.most, help=text.MOST_HELP, key="training/pictures most"
        )
    with middle:
        largest = _largest("hub")
    with right:
        white = _white("hub")
    is_ready = bool(name.strip()) and not missing
    if st.button(text.PREPARE, type="primary", disabled=not is_ready, key="training/pictures prepare hub"):
        who = visitor.current()
        _start(
            lambda: preparing.start(name.strip(), sources.hub_name(name), who, largest=largest, most=most, white=white)
        )


def _choices(where: str) -> tuple[int, str, int]:
    """Image size, what folders named like splits are, and what is white."""
    size, folders, bright = st.columns(3)
    with size:
        largest = _largest(where)
    folders_mean = folders.selectbox(
        text.FOLDERS_ARE,
        list(text.FOLDERS_MEAN),
        format_func=text.FOLDERS_MEAN.__getitem__,
        help=text.FOLDERS_ARE_HELP,
        key=f"training/pictures folders {where}",
    )
    with bright:
        white = _white(where)
    return largest, folders_mean, white


def _white(where: str) -> int:
    return st.selectbox(
        text.WHITE, text.WHITES, format_func=text.white, help=text.WHITE_HELP, key=f"training/pictures white {where}"
    )


def _layout(key: tuple[str, str, int], read: Callable[[], view.LayoutView]) -> None:
    """What was understood of a folder or a zip; read once, for a large one takes a moment."""
    if st.session_state.get("training/pictures layout", ("",))[0] != key:
        st.session_state["training/pictures layout"] = (key, read())
    shown: view.LayoutView = st.session_state["training/pictures layout"][1]
    page.notices(shown.notices)
    if shown.sheet is not None:
        st.html(pictures_html.sheet(shown.sheet, text.EXAMPLES, width=shown.width))


def _largest(where: str) -> int:
    return st.selectbox(
        text.LARGEST,
        sources.LARGEST,
        index=1,
        format_func=text.largest,
        help=text.LARGEST_HELP,
        key=f"training/pictures largest {where}",
    )


def _start(begin: Callable[[], Preparation]) -> None:
    try:
        st.session_state[MINE] = begin()
    except ValueError as error:
        st.error(page.plain(str(error)))
    else:
        st.rerun()


def _watch(preparation: Preparation) -> None:
    shown = view.preparing_view(preparation)
    if shown.is_running:
        st.progress(shown.fraction, text=page.plain(shown.text))
        st.button(text.CANCEL, icon="✖️", key="training/pictures cancel", on_click=preparation.stop)
        return
    if shown.name:
        st.session_state.pop("training/pictures changed", None)
        if st.session_state.pop(MINE, None) is preparation:
            st.session_state["training/pictures zips"] = st.session_state.get("training/pictures zips", 0) + 1
            _choose_prepared(shown.name)
    if shown.notice is not None:
        page.notices([shown.notice])
    if shown.name and st.button(text.CHOOSE, type="primary", key="training/pictures choose prepared"):
        _choose_prepared(shown.name)
    if st.button(text.SOMETHING_ELSE, key="training/pictures over"):
        preparing.forget()
        st.rerun()


def _choose_prepared(name: str) -> None:
    preparing.forget()
    _choose(name)


def _choose(name: str) -> None:
    """Go on with this data set."""
    st.session_state[CHOSEN] = name
    st.rerun()
