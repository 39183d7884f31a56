"""Follows a job on a Gradio page: its buttons, its progress, and each result as it comes.

The job is found by the tab's secret, so a page that is loaded again finds the one that is running.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr
from gradio.events import Dependency

from playground.gradio_ui import page
from playground.labs.shared.view import job_view
from playground.serving.request_queue import request_queue

POLL = 0.4
"""Seconds between two readings of a running job's state."""
QUIET: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private", "concurrency_limit": None}
"""For events that many visitors cause at once, and that are no part of the API."""


@dataclass(frozen=True)
class Follower:
    """The two buttons of a job and its status line.

    Args:
        lab: the name under which the request queue keeps the job.
        start, stop: the two buttons.
        status: the line.
        unit: what its progress counts, such as "steps".
    """

    lab: str
    start: gr.Button
    stop: gr.Button
    status: gr.HTML
    unit: str = ""

    def follow(
        self, cause: Dependency, tab: gr.Textbox, draw: Callable[[Any], Sequence[Any]], outputs: Sequence[Any]
    ) -> Dependency:
        """Show the tab's job from then on: `draw` makes the values of `outputs` from each result as it comes.

        `draw` runs in a thread of its own, so it may take its time. What is returned happens when the job has ended.
        """

        async def watched(tab: str) -> AsyncIterator[list[Any]]:
            job = request_queue().job(tab, self.lab)
            nothing = [gr.skip()] * len(outputs)
            if job is None:  # a generator that yields nothing would empty all of them, the button's label too
                yield [gr.skip(), gr.update(interactive=False), *nothing]
                return
            version = 0
            while True:
                state = job.state
                values = nothing
                if state.version != version and state.result is not None:
                    values, version = list(await asyncio.to_thread(draw, state.result)), state.version
                now = request_queue().job(tab, self.lab)
                if now is not job:  # another one, which is followed by the event that started it, or none any more
                    if now is None:
                        yield [page.status(""), gr.update(interactive=False), *nothing]
                    return
                view = job_view(state, start="", unit=self.unit)
                yield [page.job_status(view), gr.update(interactive=view.stop.is_enabled), *values]
                if not state.is_running:
                    return
                await asyncio.sleep(POLL)

        return cause.then(watched, tab, [self.status, self.stop, *outputs], trigger_mode="multiple", **QUIET)

    def connect(
        self, tab: gr.Textbox, draw: Callable[[Any], Sequence[Any]], outputs: Sequence[Any], *causes: Dependency
    ) -> list[Dependency]:
        """Follow the job after each of these events, and let the second button end it."""

        def stopped(tab: str) -> None:
            if job := request_queue().job(tab, self.lab):
                job.stop()

        self.stop.click(stopped, tab, None, **QUIET)
        return [self.follow(cause, tab, draw, outputs) for cause in causes]


def buttons(lab: str, start: str, *, unit: str = "", idle: str = "", can_start: bool = True) -> Follower:
    """Make the row of a job: start, stop and status.

    Args:
        lab: the name under which the request queue keeps the job.
        start: label of the button that starts it; it is enabled once the page is loaded.
        unit: what its progress counts.
        idle: the status before the first job.
        can_start: False for a job that the page starts by itself.
    """
    view = job_view(None, start=start, unit=unit, idle=idle)
    with gr.Row(elem_classes="dp-actions"):
        return Follower(
            lab,
            gr.Button(
                view.start.label,
                variant="primary",
                elem_id=f"{lab}-start",
                interactive=False,
                visible=can_start,
                min_width=140,
                scale=0,
            ),
            gr.Button(f"⏹️ {view.stop.label}", elem_id=f"{lab}-stop", interactive=False, min_width=120, scale=0),
            gr.HTML(page.job_status(view), elem_id=f"{lab}-status", min_width=260),
            unit,
        )
