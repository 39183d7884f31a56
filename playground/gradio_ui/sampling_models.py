"""The models of the Sampling page: which can be chosen, and where others are opened by folder, name or upload."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import gradio as gr

from playground.gradio_ui import page, widgets
from playground.gradio_ui.following import QUIET
from playground.labs.sampling import controls as settings
from playground.labs.sampling import text
from playground.labs.sampling.controls import SamplingControls
from playground.labs.shared import models, opening
from playground.labs.shared.control_rules import ControlRules
from playground.labs.shared.controls import checked
from playground.policy import mode
from playground.policy.visitor import Visitor, visitor_of

POLL = 0.4
"""Seconds between two looks at a running download."""


def rules(visitor: str | None) -> ControlRules[SamplingControls]:
    """How the controls stand for this visitor."""
    who = visitor_of(visitor)

    def options(now: SamplingControls) -> dict[str, dict[str, str]]:
        return settings.choices(available(now.model, who), models.classifier_choices(who))

    return ControlRules(
        hidden=settings.hidden,
        disabled=lambda now: settings.without_effect(now, models.classes_of(now.model, who)),
        options=options,
        bounds=who.bounds("sampling"),
        at_first=lambda now: {
            name: {getattr(now, name): ""} for name in ("model", *(p + n for p in ("", "b_") for n in LISTED))
        },
    )


LISTED = ("sampler", "spacing", "classifier")


def available(chosen: str, visitor: Visitor) -> dict[str, str]:
    """Name and title of every model that this visitor may choose: also the one just opened, where models may be opened."""
    there = models.choices(visitor)
    if chosen in there or visitor.public:
        return there
    try:
        visitor.open_model(chosen)
    except ValueError:
        return there
    return models.choices(visitor, (chosen,))


class Opening:
    """Where a model is opened that is not in the list. Not in public: it could name any folder of this machine."""

    def __init__(self) -> None:
        with gr.Accordion(text.OPEN, open=False, visible=not mode.is_public()) as self._place:
            self._name = gr.Textbox(
                label=text.OPEN_NAME, info=text.OPEN_NAME_HELP, placeholder=text.OPEN_EXAMPLE, elem_id="sampling-folder"
            )
            self._open = gr.Button(text.OPEN, size="sm", elem_id="sampling-open")
            gr.Markdown(text.OPEN_FILE_HELP)
            self._file = gr.File(
                label=text.OPEN_FILE, file_types=[".zip", ".pt"], type="filepath", elem_id="sampling-file"
            )
            with gr.Column(visible=False) as self._of_trainer:
                gr.Markdown(text.OF_TRAINER)
                self._size = gr.Number(32, label=text.OF_TRAINER_SIZE, precision=0, minimum=4, maximum=1024)
                self._objective = gr.Dropdown(
                    [(title, name) for name, title in opening.OBJECTIVES.items()], label=text.OF_TRAINER_OBJECTIVE
                )
            self._upload = gr.Button(text.OPEN_UPLOAD, size="sm", visible=False, elem_id="sampling-upload")
            self._said = gr.HTML("")

    def connect(
        self,
        demo: gr.Blocks,
        panel: widgets.Panel[SamplingControls],
        show: Callable[[SamplingControls, str, str], list[Any]],
        who: page.Identity,
        note: gr.HTML,
    ) -> None:
        """Once a model is open it is the chosen one."""

        async def by_name(visitor: str, tab: str, name: str, *values: Any) -> AsyncIterator[list[Any]]:
            name = opening.expanded(name)
            if mode.is_public() or not name:
                return
            if not await asyncio.to_thread(opening.must_be_fetched, name):
                yield await asyncio.to_thread(chosen, name, visitor, tab, values)
                return
            async for shown in watched(opening.fetch(name, visitor_of(visitor)), visitor, tab, values):
                yield shown

        async def by_upload(
            visitor: str, tab: str, path: str | None, size: int, objective: str, *values: Any
        ) -> AsyncIterator[list[Any]]:
            if mode.is_public() or path is None:
                return
            told = (size, objective) if _of_trainer(path) else (0, "")
            with Path(path).open("rb") as file:
                kept = opening.keep(file, Path(path).name, visitor_of(visitor), *told)
                async for shown in watched(kept, visitor, tab, values):
                    yield shown

        async def watched(job: opening.Opening, visitor: str, tab: str, values: Any) -> AsyncIterator[list[Any]]:
            while (state := job.state).is_running:
                yield [*nothing, page.listed([job.progress_text], "info")]
                await asyncio.sleep(POLL)
            if state.result is not None:
                yield await asyncio.to_thread(chosen, state.result, visitor, tab, values)
            else:
                yield [*nothing, page.listed([state.error], "error")]

        def chosen(name: str, visitor: str, tab: str, values: Any) -> list[Any]:
            try:
                visitor_of(visitor).open_model(name)
            except ValueError as problem:
                return [*nothing, page.listed([str(problem)], "error")]
            controls = checked(panel.read(values)[0], model=name)
            if models.needs_label(name, visitor_of(visitor)):
                controls = checked(controls, labels="each" if controls.labels == "none" else controls.labels, scale=1.0)
            return [*panel.update(controls, (), values), *show(controls, visitor, tab), ""]

        nothing = [gr.skip()] * (len(panel.shown) + 1)
        outputs = [*panel.shown, note, self._said]
        gr.on([self._open.click, self._name.submit], by_name, [*who.both, self._name, *panel.state], outputs, **QUIET)
        self._file.change(
            lambda path: [
                gr.update(visible=path is not None),
                gr.update(visible=path is not None and _of_trainer(path)),
            ],
            self._file,
            [self._upload, self._of_trainer],
            **QUIET,
        )
        told = [self._size, self._objective]
        self._upload.click(by_upload, [*who.both, self._file, *told, *panel.state], outputs, **QUIET)


def _of_trainer(path: str) -> bool:
    """Whether a file is one of denoising-diffusion-pytorch, which does not say what it predicts."""
    return path.lower().endswith(".pt")
