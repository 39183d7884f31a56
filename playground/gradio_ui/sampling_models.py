"""The models of the Sampling page: which can be chosen, and where others are opened by folder, name or upload."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from functools import cache
from pathlib import Path
from typing import Any

import gradio as gr

from playground.gradio_ui import page, widgets
from playground.gradio_ui.following import QUIET
from playground.labs.sampling import controls as settings
from playground.labs.sampling import text
from playground.labs.sampling.controls import SamplingSettings
from playground.labs.shared import models, opening
from playground.labs.shared.control_rules import ControlRules
from playground.policy import mode
from playground.policy.visitor import Visitor, visitor_of

POLL = 0.4
"""Seconds between two updates of a running download."""
Show = Callable[[SamplingSettings, str, str], list[Any]]
"""What the page shows for these settings, this visitor and this tab."""


def rules(visitor: str | None) -> ControlRules[SamplingSettings]:
    """How the controls are drawn for this visitor."""
    who = visitor_of(visitor)
    return settings.rules(who, available_to(who))


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
        with gr.Accordion(text.OPEN, open=False, visible=not mode.is_public()):
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
                objectives = [(title, name) for name, title in opening.OBJECTIVES.items()]
                self._objective = gr.Dropdown(objectives, label=text.OPEN_OBJECTIVE)
            self._upload = gr.Button(text.OPEN_UPLOAD, size="sm", visible=False, elem_id="sampling-upload")
            self._message = gr.HTML("")

    def connect(self, panel: widgets.Panel[SamplingSettings], show: Show, who: page.Identity, note: gr.HTML) -> None:
        """Let an opened model become the chosen one of the panel; `show` gives the value of `note` then."""
        self._panel, self._show = panel, show
        self._nothing = [gr.skip()] * (len(panel.shown) + 1)
        outputs, state = [*panel.shown, note, self._message], panel.state
        causes = [self._open.click, self._name.submit]
        gr.on(causes, self._by_name, [*who.both, self._name, *state], outputs, **QUIET)
        self._file.change(_fields_of, self._file, [self._upload, self._of_trainer], **QUIET)
        fields = [self._file, self._size, self._objective]
        self._upload.click(self._by_upload, [*who.both, *fields, *state], outputs, **QUIET)

    async def _by_name(self, visitor: str, tab: str, name: str, *values: Any) -> AsyncIterator[list[Any]]:
        name = opening.expanded(name)
        if mode.is_public() or not name:
            return
        if not await asyncio.to_thread(opening.must_be_fetched, name):
            yield await asyncio.to_thread(self._choose, name, visitor, tab, values)
            return
        async for shown in self._watch(opening.fetch(name, visitor_of(visitor)), visitor, tab, values):
            yield shown

    async def _by_upload(
        self, visitor: str, tab: str, path: str | None, size: int, objective: str, *values: Any
    ) -> AsyncIterator[list[Any]]:
        if mode.is_public() or path is None:
            return
        about = (size, objective) if _is_of_trainer(path) else (0, "")
        with Path(path).open("rb") as file:
            job = opening.keep(file, Path(path).name, visitor_of(visitor), *about)
            async for shown in self._watch(job, visitor, tab, values):
                yield shown

    async def _watch(self, job: opening.Opening, visitor: str, tab: str, values: Any) -> AsyncIterator[list[Any]]:
        while (state := job.state).is_running:
            yield [*self._nothing, page.listed([job.progress_text], "info")]
            await asyncio.sleep(POLL)
        if state.result is not None:
            yield await asyncio.to_thread(self._choose, state.result, visitor, tab, values)
        else:
            yield [*self._nothing, page.listed([state.error], "error")]

    def _choose(self, name: str, visitor: str, tab: str, values: Any) -> list[Any]:
        who = visitor_of(visitor)
        try:
            who.open_model(name)
        except ValueError as problem:
            return [*self._nothing, page.listed([str(problem)], "error")]
        controls = settings.with_model(self._panel.read(values)[0], name, who)
        return [*self._panel.update(controls, (), values), *self._show(controls, visitor, tab), ""]


def _fields_of(path: str | None) -> list[Any]:
    """Whether there is something to open, and whether it needs to be described."""
    return [gr.update(visible=path is not None), gr.update(visible=path is not None and _is_of_trainer(path))]


def _is_of_trainer(path: str) -> bool:
    """Whether a file is one of denoising-diffusion-pytorch, which does not hold what it predicts."""
    return path.lower().endswith(".pt")
