"""The Sampling page: layout only, the lab itself is playground/labs/sampling."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from playground.labs.microscope import link
from playground.labs.sampling import controls as settings
from playground.labs.sampling import live, text, view
from playground.labs.sampling.controls import SamplingControls, SamplingSettings, Side
from playground.labs.sampling.job import Drawn, SamplingJob
from playground.labs.shared import pictures_html
from playground.streamlit_ui import components, following, open_model, page, place, visitor, widgets

if TYPE_CHECKING:
    from engine.models.opened import Model
    from engine.recipes.recipe import Recipe
    from playground.browser.where import Place

LAB = "sampling"
POLL = 0.25
"""Seconds between two updates of a running job."""
CODE_HEIGHT = 500
"""Pixels; a longer program scrolls."""


PICKED = f"{LAB}/picked"
"""The image of the browser that was clicked."""


def show() -> None:
    """Draw the page."""
    page.head(text.TITLE, text.LEAD, text.TERMS)
    page.settings_hint()
    page.wait()
    with st.sidebar:
        controls = _settings()
    widgets.show_problems(LAB)
    job: SamplingJob | None = st.session_state.get(f"{LAB}/job")
    shown = view.settings_view(controls, visitor.current(), job)
    here = live.where_view(shown.drawing, place.wanted(), visitor.current(), place.drawn(LAB))
    if job is None and shown.drawing is not None and here.chosen == "server":
        job = _start(*shown.drawing)  # the first visit: something to see at once
    _buttons(job, shown, here.chosen)
    on_server = here.chosen == "server"
    page.notices(shown.notices if on_server or shown.drawing is None else ())
    place.show(here, LAB, {"moved": _moved, "pick": _clicked})
    if not on_server:
        if here.chosen and shown.drawing is not None:
            _sampled_in_browser(*shown.drawing)
    elif job is not None and job.state.is_running:
        _running(job)
    else:
        following.status(view.run_view(job))
        if job is not None:
            _finished(job)


def _buttons(job: SamplingJob | None, shown: view.SettingsView, chosen: Place) -> None:
    """Draw, Stop and a new seed; what they begin anew runs the page again."""
    can_start, on_server = shown.drawing is not None, chosen == "server"
    begun, stopped = following.buttons(LAB, view.run_view(job if on_server else None, can_start=can_start), _new_seed)
    again = st.session_state.pop(f"{LAB}/reseeded", False) and on_server
    if (begun or again) and shown.drawing is not None:
        if on_server:
            _start(*shown.drawing)
        else:
            place.draw_again(LAB)
        st.rerun()
    if stopped and job is not None:
        job.stop()
        st.rerun()


def _moved(value: object) -> None:
    controls = live.moved(st.session_state[f"{LAB}/controls"], value)
    if controls is not None:
        widgets.set_controls(LAB, controls)


def _clicked(value: object) -> None:
    st.session_state[PICKED] = value


def _sampled_in_browser(model: Model, recipes: dict[Side, Recipe]) -> None:
    """What the server knows of the images in the reader's browser."""
    picked = live.sampled((model, recipes), st.session_state.get(PICKED))
    page.looking_at(text.LOOKING_AT)
    if picked is not None:
        _chosen(*picked)
    for one in view.exports_without_pictures(model, recipes):
        _export(one)


def _settings() -> SamplingSettings:
    who = visitor.current()
    available = open_model.available(who)
    kept: SamplingSettings = st.session_state.get(f"{LAB}/controls", SamplingControls())
    model = st.session_state.pop(f"{LAB}/wanted", None)
    wanted = settings.with_model(kept, model, who) if model in available("") else None  # just opened
    if wanted is not None:
        widgets.set_controls(LAB, wanted)
        st.session_state.pop(f"{LAB}/job", None)
    controls = widgets.controls(SamplingControls, LAB, settings.rules(who, available))
    open_model.expander()
    return controls


def _new_seed(row: DeltaGenerator) -> None:
    row.button(f"🎲 {text.NEW_SEED}", on_click=_reseed, key=f"{LAB}/reseed", help=text.NEW_SEED_HELP)


def _reseed() -> None:
    widgets.set_controls(LAB, settings.with_new_seed(st.session_state[f"{LAB}/controls"]))
    st.session_state[f"{LAB}/reseeded"] = True


def _start(model: Model, recipes: dict[Side, Recipe]) -> SamplingJob:
    job = SamplingJob(secrets.token_hex(6), model, recipes)
    following.begin(f"{LAB}/job", job)
    st.session_state[f"{LAB}/live"] = (
        0,
        st.session_state.get(f"{LAB}/live", (0, None))[1],
    )  # it stays meanwhile, dimmed
    return job


@st.fragment(run_every=POLL)
def _running(job: SamplingJob) -> None:
    if not job.state.is_running:
        st.rerun()
    following.status(view.run_view(job))
    sent, shown = st.session_state[f"{LAB}/live"]
    new, sent = view.growing_timeline(job, sent)
    if new is not None:
        shown = new
        st.session_state[f"{LAB}/live"] = (sent, new)
    following.dim(shown is not None and shown.id != job.id)
    if shown is not None:
        components.timeline(shown, key=f"{LAB}/timeline")


def _finished(job: SamplingJob) -> None:
    shown = view.run_timeline(job)
    if shown is None:
        return
    st.session_state[f"{LAB}/live"] = (0, shown)
    pick = components.timeline(shown, key=f"{LAB}/timeline").pick
    page.looking_at(text.LOOKING_AT)
    choice = view.choice_of(job, pick.lane, pick.picture, pick.position) if pick else view.Choice("A", 0)
    if choice is not None:
        _chosen(job, choice)
    for one in view.exports(job):
        _export(one)


def _export(export: view.Export) -> None:
    """The three ways to the same pixels, a tab each."""
    st.markdown(export.heading)
    for slot, tab in zip(st.tabs([tab.title for tab in export.tabs]), export.tabs, strict=True):
        with slot:
            if tab is export.tabs[0]:
                for column, file in zip(st.columns(len(export.files)), export.files, strict=True):
                    key = f"{LAB}/{file.kind}{export.side}"
                    column.download_button(file.title, file.data, file.name, file.kind, width="stretch", key=key)
            st.caption(tab.note)
            if tab.code:
                st.code(tab.code, language=tab.language, height=CODE_HEIGHT)


def _chosen(job: Drawn, choice: view.Choice) -> None:
    """The way to the Microscope with the chosen image, and the training images nearest to it."""
    pages, opening = st.session_state.get("pages", {}), link.link_of(job, choice, visitor.current())
    if opening is not None and "microscope" in pages:
        st.page_link(pages["microscope"], label=opening.label, icon="🔬", query_params=opening.parameters)
    nearest = view.nearest(job, choice)
    if nearest is None:
        return
    with st.container(border=True):
        st.markdown(nearest.heading)
        st.html(pictures_html.row(nearest.images))
        page.looking_at(nearest.about)
