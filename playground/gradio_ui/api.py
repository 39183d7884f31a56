"""The API: named endpoints for programs, over the same labs and with the same sentences for values that cannot be taken.

Types and docstrings of these functions are what “Use via API” shows, so the types are real ones: no future annotations.
"""

import asyncio
import base64
import inspect
import secrets
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

import numpy as np
from gradio.events import api

from engine.language import _
from playground import preload
from playground.gradio_ui import api_recipes, api_training
from playground.gradio_ui.api_errors import clear_errors
from playground.labs.forward import job as forward
from playground.labs.forward.controls import ForwardControls
from playground.labs.schedules.controls import NAMES, ScheduleChoice
from playground.labs.schedules.drawn import EXAMPLE
from playground.labs.schedules.job import schedules_of
from playground.labs.shared import noising
from playground.labs.shared import picture as pictures
from playground.labs.shared.controls import demanded
from playground.labs.shared.picture import PictureChoice
from playground.policy.visitor import visitor_of
from playground.serving.request_queue import request_queue

AT_ONCE = 64
"""Calls of one endpoint that run at a time; more of them wait."""
MOST_TIMES = 64
"""Pictures in one answer of /noise."""
POLL = 0.1
"""Seconds between two looks at a request that is being drawn."""


def noise(
    data: str = "digits",
    class_index: int = 3,
    number: int = 7,
    schedule: str = "linear",
    T: int = 200,
    t: list[int] = [0, 50, 100, 150, 200],  # noqa: B006  (shown in the documentation, and never changed)
    seed: int = 0,
) -> dict[str, Any]:
    """Put noise on a picture in one jump: x_t = √ᾱ_t x_0 + √(1−ᾱ_t) ε, with one ε for all t (Ho et al. 2020, eq. 4).

    Args:
        data: "digits" or "emoji".
        class_index: which digit, or which group of emoji, counted from 0.
        number: which picture of its class, counted from 0.
        schedule: "linear", "cosine" or "sigmoid".
        T: steps of the schedule, 10 to 1000.
        t: 1 to 64 whole numbers from 0 (the picture) to T (noise).
        seed: of the noise; the same number draws the same noise.

    Returns:
        {"t": [...], "pictures": [PNG as base64, one for each t], "alpha_bar": [...], "shows": what it is a picture of}
    """
    with clear_errors():
        preload.wait()
        picture = {"data": data, "class_index": class_index, "number": number}
        demanded(PictureChoice, picture)  # nothing of one's own here
        controls = demanded(ForwardControls, {**picture, "schedule": schedule, "T": T, "seed": seed})
        times = _times(t, controls.T)
        from engine.recipes.recipe import png_bytes

        frames = forward.noised(controls, pictures.chosen(controls), times)
        table = noising.table(controls.schedule, controls.T)
        return {
            "t": times,
            "pictures": [_text(png_bytes(frame[None], None)) for frame in frames],
            "alpha_bar": table.alpha_bar[times].tolist(),
            "shows": pictures.name_of(controls),
        }


def schedule(
    name: str = "linear",
    T: int = 200,
    rescale: bool = True,
    s: float = 0.008,
    zero_terminal_snr: bool = False,
    points: str = EXAMPLE,
) -> dict[str, Any]:
    """The tables of a noise schedule: T + 1 numbers each, t = 0 is the clean picture.

    Args:
        name: "linear", "cosine", "sigmoid" or "drawn".
        T: steps, 10 to 1000.
        rescale: of the linear one, whether its β are multiplied by 1000 / T.
        s: offset of the cosine one, 0 to 0.2.
        zero_terminal_snr: whether it is shifted so that nothing of the picture is left at T (Lin et al. 2023).
        points: of the drawn one, pairs of t/T and ᾱ, such as "0,1; 0.3,0.7; 1,0".

    Returns:
        {"name", "T", "beta": [...], "alpha_bar": [...], "log_snr": [null at t = 0, where it is infinite, ...],
        "terminal_snr": ᾱ_T / (1 − ᾱ_T)}
    """
    with clear_errors():
        preload.wait()
        if name not in NAMES:
            raise ValueError(
                _(
                    "You asked for Schedule = “{name}”, which is not one of {names}.",
                    name=str(name)[:40],
                    names=", ".join(NAMES),
                )
            )
        if not isinstance(zero_terminal_snr, bool):
            raise ValueError(_("You asked for Zero terminal SNR with something that is not true or false."))
        one = {key: key == name for key in NAMES}
        asked = {"T": T, "rescale": rescale, "s": s, "points": points, "zero": name if zero_terminal_snr else "none"}
        found = schedules_of(demanded(ScheduleChoice, {**one, **asked}))[name]
        return {
            "name": name,
            "T": found.T,
            "beta": found.beta.tolist(),
            "alpha_bar": found.alpha_bar.tolist(),
            "log_snr": [value if np.isfinite(value) else None for value in found.log_snr.tolist()],
            "terminal_snr": found.terminal_snr,
        }


async def sample(recipe: dict[str, Any], visitor: str = "") -> AsyncIterator[dict[str, Any]]:
    """Draw what a recipe says. Answers while it is drawn, and at the end with the pictures; stop reading to stop it.

    Args:
        recipe: as in the Sampling lab's JSON, for instance {"model": "digits", "labels": [3], "seeds": [0], "steps": 20}; what
            it does not name has its default. One seed for each picture.
        visitor: your secret from /train_start, where the recipe names a run of your own.

    Returns:
        {"step", "steps", "t", "place": in the queue, 0 when it is being drawn, "frames": that are there to be seen} again and
        again; the last one has also "png" (all pictures side by side, base64, its recipe inside) and "recipe".
    """
    from engine.recipes.recipe import png_bytes

    with clear_errors():
        await asyncio.to_thread(preload.wait)
        wanted = api_recipes.read(recipe)
        asking = visitor_of(visitor)
        await asyncio.to_thread(asking.check_recipe, wanted)
        model = await asyncio.to_thread(asking.open_model, wanted.model)
        tab = secrets.token_hex(16)
        request_queue().attach(tab, tab)
        try:
            request = await asyncio.to_thread(request_queue().submit, tab, model, {"A": wanted})
            said = None
            while (progress := request.state).status == "running":
                frames = request.frames()
                t = frames[-1].t if frames else wanted.noise_schedule(model).T
                now = {
                    "step": progress.done,
                    "steps": wanted.steps,
                    "t": t,
                    "place": request.place,
                    "frames": len(frames),
                }
                if now != said:
                    yield now
                    said = now
                await asyncio.sleep(POLL)
            if progress.status != "finished":
                raise ValueError(progress.error or _("It was stopped."))
            png = png_bytes(request.frames()[-1].x0, wanted)
            drawn = {"png": _text(png), "recipe": api_recipes.plain(wanted)}
            shown = {"t": 0, "place": 0, "frames": len(request.frames())}
            yield {"step": wanted.steps, "steps": wanted.steps, **shown, **drawn}
        finally:  # also where the caller has stopped reading: nobody will ask for it again
            if (last := request_queue().request(tab)) is not None:
                last.stop()
            request_queue().detach(tab)


ENDPOINTS: Mapping[str, Callable[..., Any]] = {
    "noise": noise,
    "schedule": schedule,
    "sample": sample,
    "recipe": api_recipes.recipe,
    "train_start": api_training.train_start,
    "train_status": api_training.train_status,
    "train_stop": api_training.train_stop,
}


def build() -> None:
    """Add the endpoints to the app that is being built."""
    for name, function in ENDPOINTS.items():
        api(function, api_name=name, api_description=inspect.getdoc(function), concurrency_limit=AT_ONCE)


def _times(t: object, T: int) -> list[int]:
    """Checked: 1 to 64 whole numbers from 0 to T."""
    if (
        not isinstance(t, list)
        or not 1 <= len(t) <= MOST_TIMES
        or any(type(value) is not int or not 0 <= value <= T for value in t)
    ):
        raise ValueError(
            _(
                "You asked for t = “{t}”, which is not 1 to {most_times} whole numbers from 0 to {T}.",
                t=str(t)[:40],
                most_times=MOST_TIMES,
                T=T,
            )
        )
    return t


def _text(png: bytes) -> str:
    return base64.b64encode(png).decode("ascii")
