"""Follows a job on a Gradio page: progress and what it has brought so far, until it has ended.

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
from playground.labs.shared.job import in_words
from playground.serving.request_queue import desk

POLL = 0.4
"""Seconds between two looks at a running job."""
QUIET: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private", "concurrency_limit": None}
"""For events that many visitors cause at once, and that are no part of the API."""


@dataclass(frozen=True)
class Follower:
    """The buttons of a lab that computes, and the line that says how far it is.

    Args:
        lab: the name under which the desk keeps its job.
        start, stop: the two buttons.
        status: the line.
        what: the unit of the job's work, in words.
    """

    lab: str
    start: gr.Button
    stop: gr.Button
    status: gr.HTML
    what: str = ""

    def follow(
        self, cause: Dependency, tab: gr.Textbox, draw: Callable[[Any], Sequence[Any]], outputs: Sequence[Any]
    ) -> Dependency:
        """Show the tab's job from then on: `draw` makes the values of `outputs` from each result as it comes.

        `draw` runs in a thread of its own, so it may take its time. What is returned happens when the job has ended.
        """

        async def watched(tab: str) -> AsyncIterator[list[Any]]:
            job = desk().job(tab, self.lab)
            nothing = [gr.skip()] * len(outputs)
            if job is None:  # a generator that yields nothing would empty all of them, the button's words too
                yield [gr.skip(), gr.update(interactive=False), *nothing]
                return
            seen = 0
            while True:
                state = job.state
                shown = nothing
                if state.version != seen and state.result is not None:
                    shown, seen = list(await asyncio.to_thread(draw, state.result)), state.version
                if state.error:
                    status = page.listed([state.error], "error")
                else:
                    status = page.status(in_words(state, self.what), state.fraction if state.is_running else None)
                yield [status, gr.update(interactive=state.is_running), *shown]
                if not state.is_running:
                    return
                await asyncio.sleep(POLL)
                if desk().job(tab, self.lab) is not job:
                    return  # another one has taken its place, and is followed by whoever asked for it

        return cause.then(watched, tab, [self.status, self.stop, *outputs], trigger_mode="multiple", **QUIET)

    def stops(self, tab: gr.Textbox) -> None:
        """Let the second button end the tab's job."""

        def stopped(tab: str) -> None:
            if job := desk().job(tab, self.lab):
                job.stop()

        self.stop.click(stopped, tab, None, **QUIET)


def buttons(lab: str, start: str, *, what: str = "", empty: str = "") -> Follower:
    """Make the row: begin (once the page is loaded), stop, and how far it is; `empty` stands there before the first job."""
    with gr.Row(elem_classes="dp-actions"):
        return Follower(
            lab,
            gr.Button(start, variant="primary", elem_id=f"{lab}-start", interactive=False, min_width=140, scale=0),
            gr.Button("⏹️ Stop", elem_id=f"{lab}-stop", interactive=False, min_width=120, scale=0),
            gr.HTML(page.status(empty), elem_id=f"{lab}-status", min_width=260),
            what,
        )
