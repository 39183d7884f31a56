"""A class on one link, over real HTTP: students who predict, go on, draw, wait and reload, and the teacher's page that follows.

Every answer is a number of its own, so that at the end each can be found with the student who gave it, once.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import re
import secrets
import time
from dataclasses import dataclass, field

import httpx
import psutil

from benchmarks.figures import Figure
from benchmarks.visitors import PATIENCE, SCALE, server

LESSON, STEPS = 1, 9
ACCEPTED_GOAL = 500.0
"""Milliseconds until an answer is accepted."""
BEHIND_GOAL = 1.0
"""Seconds that the teacher's page may be behind."""
MEMORY_GOAL = 1.05
THINKS = (3.0, 25.0)
"""Seconds between two things that a student does."""
RELOADS, DRAWS = 0.08, 0.15
"""Share of these among the things that a student does."""
Key = tuple[int, int]
"""Number of a student, and of a step."""


@dataclass
class Seen:
    """What students have sent, and what the teacher has seen of it."""

    sent: dict[Key, float] = field(default_factory=dict)
    """The newest answer to each step."""
    accepted: list[float] = field(default_factory=list)
    """Milliseconds."""
    accepted_at: dict[tuple[Key, float], float] = field(default_factory=dict)
    shown_at: dict[tuple[Key, float], float] = field(default_factory=dict)
    """When the teacher's page had it; one that was replaced before is not there."""
    problems: list[str] = field(default_factory=list)
    draws: int = 0
    reloads: int = 0


def measure(*, students: int, minutes: int) -> list[Figure]:
    """All of it."""
    seen = Seen()
    with server() as (url, process):
        first, last, lost = asyncio.run(_class(url, process, students, 60.0 * minutes, seen))
    for problem in sorted(set(seen.problems)):
        print(f"  {seen.problems.count(problem)} × {problem}", flush=True)
    print(f"  {len(seen.accepted)} answers, {seen.draws} samplings, {seen.reloads} reloads", flush=True)
    # The page may have an answer before its student knows that it was accepted.
    behind = tuple(max(0.0, seen.shown_at[key] - at) for key, at in seen.accepted_at.items() if key in seen.shown_at)
    who = f"{students} students for {minutes} minutes"
    return [
        Figure(f"{who}: an answer is accepted", tuple(seen.accepted), "ms", "p95", ACCEPTED_GOAL),
        Figure("The teacher's page is behind", behind, "s", "p95", BEHIND_GOAL),
        Figure("Errors", (float(len(seen.problems)),), "of them", goal=0),
        Figure("Answers that are lost, or with the wrong student", (float(lost),), "of them", goal=0),
        Figure("Memory of the server at the end ÷ at half time", (last / first,), "×", "median", MEMORY_GOAL),
    ]


async def _class(
    url: str, process: psutil.Process, students: int, seconds: float, seen: Seen
) -> tuple[float, float, int]:
    """Memory of the server at half time and at the end, in bytes, and the number of wrong answers in the export."""
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=None)
    async with httpx.AsyncClient(base_url=url, timeout=PATIENCE, limits=limits) as client:
        page = (await client.get("/teach")).text
        found = re.search(r'"permit": ?"([^"]+)"', page.replace('\\"', '"'))
        if found is None:
            raise RuntimeError("The page for teachers opens no class.")
        opened = await client.post(
            "/class/api/open", json={"lesson": LESSON}, headers={"Authorization": f"Bearer {found[1]}"}
        )
        room = opened.raise_for_status().json()
        teacher = asyncio.create_task(_teacher(client, room["code"], room["secret"], seen))
        ends = time.monotonic() + seconds
        come = [asyncio.create_task(_student(client, room["code"], ends, k, seen)) for k in range(students)]
        await asyncio.sleep(seconds / 2)
        first = float(process.memory_info().rss)
        await asyncio.gather(*come)
        await asyncio.sleep(3.0)
        teacher.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await teacher
        if unseen := [key for key in seen.sent.items() if key not in seen.shown_at]:
            seen.problems.append(f"{len(unseen)} answers never came to the teacher's page")
        exported = await client.get(
            f"/class/api/{room['code']}/export.json", headers={"Authorization": f"Bearer {room['secret']}"}
        )
        kept = {(row["number"], row["step"]): row["value"]["answers"][0] for row in exported.json()["progress"]}
        wrong = sum(kept.get(key) != value for key, value in seen.sent.items()) + len(kept.keys() - seen.sent.keys())
        return first, float(process.memory_info().rss), wrong


async def _teacher(client: httpx.AsyncClient, code: str, secret: str, seen: Seen) -> None:
    """The teacher's page, which asks for what is new and waits for it."""
    since = 0
    while True:
        answer = await client.get(
            f"/class/api/{code}/teacher?since={since}", headers={"Authorization": f"Bearer {secret}"}
        )
        state, now = answer.raise_for_status().json(), time.monotonic()
        since = state["version"]
        for row in state["progress"]:
            seen.shown_at.setdefault(((row["number"], row["step"]), row["value"]["answers"][0]), now)


async def _student(client: httpx.AsyncClient, code: str, ends: float, k: int, seen: Seen) -> None:
    chance = random.Random(k)
    try:
        await asyncio.sleep(chance.uniform(0, min(20.0, (ends - time.monotonic()) / 5)))
        (await client.get(f"/class/{code}", follow_redirects=True)).raise_for_status()
        joined = (await client.post(f"/class/api/{code}/join", json={"name": f"student {k}"})).raise_for_status().json()
        following = asyncio.create_task(_follow(client, code, joined["token"], seen))
        await _work(client, code, joined, ends, chance, seen)
        following.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await following
    except (httpx.HTTPError, KeyError, ValueError) as problem:
        seen.problems.append(f"{type(problem).__name__}: {problem}"[:200])


async def _follow(client: httpx.AsyncClient, code: str, token: str, seen: Seen) -> None:
    """The student's page, which waits for what the teacher changes."""
    since = 0
    while True:
        try:
            answer = await client.get(
                f"/class/api/{code}/state?since={since}", headers={"Authorization": f"Bearer {token}"}
            )
            since = answer.raise_for_status().json()["version"]
        except httpx.HTTPError as problem:
            seen.problems.append(f"{type(problem).__name__}: {problem}"[:200])
            await asyncio.sleep(1.0)


async def _work(
    client: httpx.AsyncClient, code: str, joined: dict[str, object], ends: float, chance: random.Random, seen: Seen
) -> None:
    number, bearer = int(str(joined["number"])), {"Authorization": f"Bearer {joined['token']}"}
    tab, sequence, step = secrets.token_hex(8), 0, 0
    while (left := ends - time.monotonic()) > 0:
        await asyncio.sleep(min(left, chance.uniform(*THINKS)))
        what = chance.random()
        if what < RELOADS:
            tab, sequence = secrets.token_hex(8), 0
            (await client.get("/forward", params={"lesson": LESSON, "at": step, "class": code})).raise_for_status()
            seen.reloads += 1
        elif what < RELOADS + DRAWS:
            await _draw(client, number)
            seen.draws += 1
        else:
            answer = float(chance.randrange(1_000_000))
            events = [
                {
                    "kind": "step",
                    "sequence": sequence + 1,
                    "step": step,
                    "progress": {"answers": [answer], "done": True},
                },
                {"kind": "place", "sequence": sequence + 2, "step": step},
            ]
            seen.sent[number, step] = answer
            began = time.monotonic()
            sent = await client.post(
                f"/class/api/{code}/report", json={"client": tab, "events": events}, headers=bearer
            )
            now = time.monotonic()
            seen.accepted.append(1000 * (now - began))
            seen.accepted_at[(number, step), answer] = now
            sequence = int(sent.raise_for_status().json()["accepted"])
            step = (step + 1) % STEPS


async def _draw(client: httpx.AsyncClient, number: int) -> None:
    """A few images by the endpoint /sample, to the end."""
    recipe = {"model": "digits", "steps": 10, "scale": SCALE, "seeds": [number], "labels": [number % 10]}
    asked = (await client.post("/gradio_api/call/sample", json={"data": [recipe, ""]})).raise_for_status()
    async with client.stream("GET", f"/gradio_api/call/sample/{asked.json()['event_id']}") as stream:
        async for line in stream.aiter_lines():
            if line.startswith("event: error"):
                raise ValueError("A sampling ended with an error.")
