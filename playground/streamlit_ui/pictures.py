"""The pictures of the Training page: what the network will see of them, and where others are got from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from playground.labs.shared import naming
from playground.labs.shared.controls import checked
from playground.labs.training import pictures as lab
from playground.labs.training import pictures_text as text
from playground.labs.training import preparing
from playground.labs.training.controls import TrainingControls
from playground.labs.training.preparing import Preparation
from playground.streamlit_ui import page, visitor, widgets

if TYPE_CHECKING:
    from engine.training.config import TrainConfig

POLL = 0.4
"""Seconds between two looks at a preparation."""
LAB = "training"
WANTED, BEFORE, TOLD = "training/pictures wanted", "training/pictures before", "training/pictures told"
MINE = "training/pictures mine"
"""What this visitor has begun to prepare; others see it too, and choose it if they like."""


def take_wanted() -> None:
    """Choose the set that has just been prepared; before the controls are drawn."""
    name = st.session_state.pop(WANTED, None)
    kept = st.session_state.get(f"{LAB}/controls")
    if name is not None and kept is not None:
        _choose(checked(kept, data=name, size=0, upsampling=False))


def options(controls: TrainingControls) -> dict[str, dict[object, str]]:
    """What can be chosen now."""
    who = visitor.current()
    return {"data": lab.choices(who), "size": lab.size_choices(controls, who)}


def follow(controls: TrainingControls) -> None:
    """Where the reader has just chosen another set, mirror and turn its pictures as suits them, and say so."""
    before: TrainingControls | None = st.session_state.get(BEFORE)
    st.session_state[BEFORE] = controls
    # Only where nothing else has changed: a link, or the settings of an earlier run, say themselves what they want.
    if before is not None and before.data != controls.data and checked(before, data=controls.data) == controls:
        st.session_state.pop(TOLD, None)
        if (controls.flips, controls.rotation) != lab.suggestion(controls.data, visitor.current()):
            _choose(controls)
            st.rerun()


def _choose(controls: TrainingControls) -> None:
    flips, rotation = lab.suggestion(controls.data, visitor.current())
    chosen = checked(controls, flips=flips, rotation=rotation)
    widgets.set_controls(LAB, chosen)
    st.session_state[BEFORE] = chosen
    if (flips, rotation) != (controls.flips, controls.rotation):
        st.session_state[TOLD] = text.treated(flips, rotation)


def show(config: TrainConfig | None, *, expanded: bool) -> None:
    """Draw both parts.

    Args:
        config: the run that would be started; None where the settings are not in order.
        expanded: whether the pictures are open to see.
    """
    if config is not None:
        _shown(config, expanded)
    if visitor.current().public:
        return
    running = preparing.current()
    with st.expander(text.OTHERS, icon="🗂️", expanded=running is not None):
        if running is not None:
            st.fragment(_watch, run_every=POLL if running.progress.status == "running" else None)(running)
        else:
            _sources()


# --- what the network will see ------------------------------------------------------------------------------------------


def _shown(config: TrainConfig, expanded: bool) -> None:
    try:
        with st.spinner(text.LOOKING):
            shown = lab.shown(config, visitor.current())
    except ValueError:  # it was said where the settings are
        return
    title = text.heading(shown.title, shown.training, shown.size)
    with st.expander(widgets.plain(title), icon="🖼️", expanded=expanded):
        if told := st.session_state.get(TOLD):
            st.info(told, icon="🪞")
        st.image(shown.sheet, width=min(760, 96 * shown.columns), output_format="PNG")
        page.looking_at(text.looking_at(shown.size, shown.channels, config.flips, config.rotation))
        lines = [
            text.counted(shown.training, shown.held_out),
            f"**Classes:** {widgets.plain(lab.classes_in_words(shown.classes))}",
            f"**Source:** {widgets.plain(shown.source)}. **Licence:** {widgets.plain(shown.licence)}",
        ]
        if shown.about:
            lines.insert(0, widgets.plain(shown.about))
        st.markdown("  \n".join(lines))
        if not shown.floor:
            st.caption(text.NO_FLOOR)
        if shown.prepared:
            _kept(config.data)


def _kept(name: str) -> None:
    """What can be done with a prepared set."""
    if _changed(name):
        st.warning(text.CHANGED)
        if st.button(text.AGAIN, icon="🔄", key="training/pictures again", disabled=preparing.current() is not None):
            _start(lambda: preparing.start_again(naming.data_title(name), name, visitor.current()))
    with st.popover(text.REMOVE, icon="🗑️"):
        st.write(text.frees(naming.megabytes(lab.bytes_on_disk(name) / 1e6)))
        if st.button("Remove", key="training/pictures remove"):
            try:
                lab.remove(name, visitor.current())
            except ValueError as error:
                st.error(str(error))
            else:
                st.session_state[WANTED] = "digits"
                st.rerun()


def _changed(name: str) -> bool:
    """Looked at once in a session: it takes a moment for a large folder."""
    known = st.session_state.setdefault("training/pictures changed", {})
    if name not in known:
        known[name] = lab.has_changed(name)
    return bool(known[name])


# --- others -------------------------------------------------------------------------------------------------------------


def _sources() -> None:
    source = st.segmented_control(
        "Where from",
        list(text.SOURCES),
        default="known",
        required=True,
        format_func=text.SOURCES.__getitem__,
        key="training/pictures from",
    )
    {"known": _known, "folder": _folder, "zip": _zip, "hub": _hub}[source or "known"]()
    st.caption(text.free(naming.megabytes(lab.free_megabytes())))


def _known() -> None:
    offers = lab.offers()
    name = st.selectbox("Set", list(offers), format_func=lambda name: offers[name].title, key="training/pictures known")
    offer = offers[name]
    st.markdown(offer.about)
    st.caption(text.offer(naming.megabytes(offer.megabytes), naming.megabytes(offer.on_disk), offer.licence))
    if offer.missing:
        st.warning(widgets.plain(offer.missing))
    there = name in lab.choices(visitor.current())
    if there:
        st.success(text.PREPARED_ALREADY)
        if st.button(text.CHOOSE, type="primary", key="training/pictures choose"):
            st.session_state[WANTED] = name
            st.rerun()
        return
    if st.button(
        f"Download {naming.megabytes(offer.megabytes)}", type="primary", icon="⬇️", key="training/pictures download"
    ):
        _start(lambda: preparing.start(offer.title, name, visitor.current()))


def _folder() -> None:
    who = visitor.current()
    path = st.text_input(
        text.FOLDER, placeholder=text.FOLDER_EXAMPLE, help=text.FOLDER_HELP, key="training/pictures folder"
    )
    largest = _largest("folder")
    if st.button(text.PREPARE, type="primary", disabled=not path.strip(), key="training/pictures prepare folder"):
        _start(
            lambda: preparing.start(
                path.strip().rstrip("/").rsplit("/", 1)[-1], lab.folder_name(path, who), who, largest=largest
            )
        )


def _zip() -> None:
    file = st.file_uploader(
        text.ZIP,
        type=["zip"],
        max_upload_size=lab.MAX_UPLOAD_MB,
        help=text.ZIP_HELP,
        key=f"training/pictures zip {st.session_state.get('training/pictures zips', 0)}",
    )
    largest = _largest("zip")
    if st.button(text.PREPARE, type="primary", disabled=file is None, key="training/pictures prepare zip") and file:
        _start(lambda: preparing.start_upload(file, file.name, visitor.current(), largest=largest))


def _hub() -> None:
    if missing := lab.hub_missing():
        st.warning(widgets.plain(missing))
    name = st.text_input(text.HUB, placeholder="owner/name", help=text.HUB_HELP, key="training/pictures hub")
    left, right = st.columns(2)
    with left:
        most = st.selectbox(
            text.MOST,
            lab.MOST,
            index=2,
            format_func=text.most,
            help=text.MOST_HELP,
            key="training/pictures most",
        )
    with right:
        largest = _largest("hub")
    ready = bool(name.strip()) and not missing
    if st.button(text.PREPARE, type="primary", disabled=not ready, key="training/pictures prepare hub"):
        _start(lambda: preparing.start(name.strip(), lab.hub_name(name), visitor.current(), largest=largest, most=most))


def _largest(where: str) -> int:
    return int(
        st.selectbox(
            text.LARGEST,
            lab.LARGEST,
            index=1,
            format_func=text.largest,
            help=text.LARGEST_HELP,
            key=f"training/pictures largest {where}",
        )
    )


def _start(begin: object) -> None:
    assert callable(begin)
    try:
        st.session_state[MINE] = begin()
    except ValueError as error:
        st.error(str(error))
    else:
        st.rerun()


def _watch(preparation: Preparation) -> None:
    progress = preparation.progress
    if progress.status == "running":
        st.progress(progress.share, text=f"**{widgets.plain(preparation.title)}**: {progress.in_words}")
        st.button("Cancel", icon="✖️", key="training/pictures cancel", on_click=preparation.stop)
        return
    if progress.status == "done":
        st.session_state.pop("training/pictures changed", None)
        if st.session_state.pop(MINE, None) is preparation:
            st.session_state["training/pictures zips"] = st.session_state.get("training/pictures zips", 0) + 1
            _take(progress.name)
        st.success(f"{widgets.plain(preparation.title)} is prepared.")
        if st.button(text.CHOOSE, type="primary", key="training/pictures choose prepared"):
            _take(progress.name)
    elif progress.status == "failed":
        st.error(widgets.plain(progress.error))
    else:
        st.info(text.CANCELLED)
    if st.button(text.SOMETHING_ELSE, key="training/pictures over"):
        preparing.forget()
        st.rerun()


def _take(name: str) -> None:
    """The visitor goes on with what was prepared."""
    st.session_state[WANTED] = name
    preparing.forget()
    st.rerun()
