"""The models of the Sampling page: which can be chosen, and where others are opened by folder, name or upload."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import gradio as gr

from engine.language import _
from playground.gradio_ui import page, widgets
from playground.gradio_ui.following import QUIET
from playground.gradio_ui.widgets import PanelState
from playground.labs.sampling import controls as settings
from playground.labs.sampling import text
from playground.labs.sampling.controls import SamplingSettings
from playground.labs.shared import models, opening
from playground.labs.shared.controls import ControlRules
from playground.policy import mode
from playground.policy.visitor import Visitor

POLL = 0.4
"""Seconds between two updates of a running download."""
State = PanelState[SamplingSettings]
Show = Callable[[State], list[Any]]
"""What the page shows for these settings, this visitor and this tab."""


def rules(visitor: Visitor) -> ControlRules[SamplingSettings]:
    """How the controls are drawn for this visitor."""
    return settings.rules(visitor, available_to(visitor))


def available_to(visitor: Visitor) -> settings.Available:
    """The models that this visitor may choose, with the chosen one where it can be opened by its name or path."""

    @cache
    def available(chosen: str) -> dict[str, str]:
        there = models.choices(visitor)
        if chosen in there or visitor.public:
            return there
        try:
            visitor.open_model(chosen)
        except ValueError:
            return there
        return models.choices(visitor, (chosen,))

    return available


class Opening:
    """Where a model is opened that is not in the list. Not in public: it could name any folder of this machine."""

    def __init__(self) -> None:
        with gr.Accordion(text.OPEN, open=False, visible=not mode.is_public(), elem_id="sampling-opening"):
            self._name = gr.Textbox(
                label=text.OPEN_NAME, info=text.OPEN_NAME_HELP, placeholder=text.OPEN_EXAMPLE, elem_id="sampling-folder"
            )
            self._open = gr.Button(text.OPEN, size="sm", elem_id="sampling-open")
            gr.Markdown(text.OPEN_FILE_HELP)
            self._file = gr.File(
                label=text.OPEN_FILE, file_types=[".zip", ".pt"], type="filepath", elem_id="sampling-file"
            )
            with gr.Column(visible=False) as self._of_trainer:
                gr.Markdown(text.OPEN_SIZE_MISSING)
                self._size = gr.Number(32, label=text.OPEN_SIZE, precision=0, minimum=4, maximum=1024)
                objectives = [(_(title), name) for name, title in opening.OBJECTIVES.items()]
                self._objective = gr.Dropdown(objectives, label=text.OPEN_OBJECTIVE)
            self._upload = gr.Button(text.OPEN_UPLOAD, size="sm", visible=False, elem_id="sampling-upload")
            self._message = gr.HTML("")

    def connect(self, panel: widgets.Panel[SamplingSettings], show: Show, note: gr.HTML) -> None:
        """Let an opened model become the chosen one of the panel; `show` gives the value of `note` then."""
        self._panel, self._show = panel, show
        self._nothing = [gr.skip()] * (len(panel.shown) + 1)
        outputs, state = [*panel.shown, note, self._message], panel.state
        gr.on([self._open.click, self._name.submit], self._by_name, [self._name, *state], outputs, **QUIET)
        self._file.change(_fields_of, self._file, [self._upload, self._of_trainer], **QUIET)
        fields = [self._file, self._size, self._objective]
        self._upload.click(self._by_upload, [*fields, *state], outputs, **QUIET)

    async def _by_name(self, name: str, *values: Any) -> AsyncIterator[list[Any]]:
        name, state = opening.expanded(name), await asyncio.to_thread(self._panel.read, values)
        if mode.is_public() or not name:
            return
        if not await asyncio.to_thread(opening.must_be_fetched, name):
            yield await asyncio.to_thread(self._choose, name, state)
            return
        async for shown in self._watch(opening.fetch(name, state.visitor), state):
            yield shown

    async def _by_upload(self, path: str | None, size: int, objective: str, *values: Any) -> AsyncIterator[list[Any]]:
        if mode.is_public() or path is None:
            return
        state = await asyncio.to_thread(self._panel.read, values)
        about = (size, objective) if _is_of_trainer(path) else (0, "")
        with Path(path).open("rb") as file:
            job = opening.keep(file, Path(path).name, state.visitor, *about)
            async for shown in self._watch(job, state):
                yield shown

    async def _watch(self, job: opening.Opening, state: State) -> AsyncIterator[list[Any]]:
        while (now := job.state).is_running:
            yield [*self._nothing, page.listed([job.progress_text], "info")]
            await asyncio.sleep(POLL)
        if now.result is not None:
            yield await asyncio.to_thread(self._choose, now.result, state)
        else:
            yield [*self._nothing, page.listed([now.error], "error")]

    def _choose(self, name: str, state: State) -> list[Any]:
        try:
            state.visitor.open_model(name)
        except ValueError as problem:
            return [*self._nothing, page.listed([str(problem)], "error")]
        controls = settings.with_model(state.controls, name, state.visitor)
        return [*self._panel.update(state, controls), *self._show(replace(state, controls=controls)), ""]


def _fields_of(path: str | None) -> list[Any]:
    """Whether there is something to open, and whether it needs to be described."""
    return [gr.update(visible=path is not None), gr.update(visible=path is not None and _is_of_trainer(path))]


def _is_of_trainer(path: str) -> bool:
    """Whether a file is one of denoising-diffusion-pytorch, which does not hold what it predicts."""
    return path.lower().endswith(".pt")
