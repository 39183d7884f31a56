"""Walks through the steps of the lessons, in both front ends and languages, well or with wrong answers, left in the middle."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, TimeoutError, expect

from engine.language import speaking
from playground.course import view
from playground.course.view import Rail, RailCondition, RailQuestion, RailStep

APP = Path(__file__).resolve().parents[3] / "playground" / "app.py"
pytestmark = pytest.mark.browser
PLAIN = "html => Object.assign(document.createElement('p'), { innerHTML: html }).innerText"
COVERED = '[inert][style*="blur"]:visible'
"""A figure of the lab that is not to be seen yet."""
LONG = 400_000
"""Milliseconds: a lesson's training or sweep on a busy machine."""


@pytest.fixture(scope="module")
def server(
    request: pytest.FixtureRequest, run_streamlit, run_gradio, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    env = {"DIFFUSION_PLAYGROUND_RUNS": str(tmp_path_factory.mktemp("runs"))}
    with run_streamlit(APP, env=env) if request.param == "streamlit" else run_gradio(env=env) as url:
        yield url


def _rail(number: int, tag: str) -> Rail:
    with speaking(tag):
        rail = view.rail(str(number))
    assert rail is not None
    return rail


def _at(page: Page, step: int) -> Locator:
    """The rail, once it shows that step."""
    rail = page.locator(f'.dp-rail[data-step="{step}"]')
    expect(rail).to_be_visible(timeout=LONG)
    return rail


def _is_done(page: Page, step: int) -> None:
    expect(page.locator(f'.dp-rail[data-step="{step}"][data-done="true"]')).to_be_visible(timeout=LONG)


# --- what a reader does in each kind of step ----------------------------------------------------------------------------


def _answer(place: Locator, question: RailQuestion, *, well: bool) -> None:
    """Give the right answer, or a wrong one."""
    if question.number is not None:
        number = question.number
        ends = sorted((number.low, number.high), key=lambda end: abs(end - number.answer))
        nearest = number.low + round((number.answer - number.low) / number.step) * number.step
        place.locator("input[type=range]").fill(f"{nearest if well else ends[-1]:g}")
    elif question.order is not None:
        if not well:
            return  # it stands mixed
        for target, item in enumerate(question.order.items):
            rows = place.locator(".dp-order li span")
            texts = [text.strip() for text in rows.all_inner_texts()]
            plain = place.page.evaluate(PLAIN, item)
            for _ in range(texts.index(plain.strip()) - target):
                row = place.locator(".dp-order li").nth(texts.index(plain.strip()))
                row.locator('[data-action="up"]').click()
                texts = [text.strip() for text in rows.all_inner_texts()]
    else:
        k = next(k for k, choice in enumerate(question.choices) if choice.right is well)
        place.locator("input[type=radio]").nth(k).check()


def _ask(rail: Locator, step: RailStep, *, well: bool) -> None:
    expect(rail.page.locator(COVERED).first).to_be_visible()
    _answer(rail, step.questions[0], well=well)
    rail.locator('[data-action="commit"]').click()
    expect(rail.locator(".dp-committed")).to_be_visible()
    expect(rail.page.locator(COVERED)).to_have_count(0)
    expect(rail.locator(".dp-question input")).to_have_count(0)  # it cannot be taken back


def _check(rail: Locator, step: RailStep, *, well: bool) -> None:
    for k, question in enumerate(step.questions):
        place = rail.locator(".dp-checked").nth(k)
        if not well:
            _answer(place, question, well=False)
            place.locator('[data-action="check"]').click()
            expect(place.locator('.dp-why[data-right="false"]')).to_be_visible()
            expect(rail.locator(".dp-hint")).to_be_visible()
        _answer(place, question, well=True)
        place.locator('[data-action="check"]').click()
        expect(place.locator('.dp-why[data-right="true"]')).to_be_visible()


def _explain(rail: Locator) -> None:
    rail.locator("textarea").fill("Gauß 高斯 <b>sums</b>")
    rail.locator('[data-action="compare"]').click()
    expect(rail.locator(".dp-model")).to_be_visible()


def _value(condition: RailCondition) -> str:
    if condition.is_ is not None:
        return condition.is_
    return f"{condition.most if condition.least is None else condition.least:g}"


def _do(page: Page, step: RailStep) -> None:
    """Bring the lab to the state that is asked for: settings first, then the playhead."""
    known = view.rail(page.locator(".dp-rail").first.get_attribute("data-lesson")).defaults[step.lab]  # type: ignore[union-attr]
    wanted = {one.fact.partition(".")[2]: _value(one) for one in step.done}
    settings = {name: value for name, value in wanted.items() if name in known}
    if settings:
        _lead(page, settings, known)
    for condition in step.done:
        if condition.fact.partition(".")[2] in ("t", "position"):
            _drag(page, condition)
    if set(wanted) - set(settings) - {"t", "position"}:
        _start(page, step)


def _lead(page: Page, settings: dict[str, str], defaults: dict[str, str]) -> None:
    """Open the lab with these settings; again where it was still on its way to those of the step, and has kept them."""
    for _ in range(20):
        page.evaluate(
            """settings => {
              const url = new URL(location.href);
              for (const [name, value] of Object.entries(settings)) url.searchParams.set(name, value);
              history.pushState(history.state, "", url);
              dispatchEvent(new PopStateEvent("popstate", { state: history.state }));
            }""",
            settings,
        )
        page.wait_for_timeout(1500)
        if page.evaluate(
            "all => all.every(([k, v, usual]) => (new URLSearchParams(location.search).get(k) ?? usual) === v)",
            [[name, value, defaults[name]] for name, value in settings.items()],
        ):
            return
    raise AssertionError(f"The lab does not keep {settings}.")


def _drag(page: Page, condition: RailCondition) -> None:
    """Click the strip nearer and nearer to the place."""
    name = condition.fact.partition(".")[2]
    shown = page.locator(".dp-timeline[data-loaded]").first
    expect(shown).to_be_visible(timeout=LONG)
    strip = shown.locator(".dp-scrubber")
    low, high = 0.0, 1.0

    def value(share: float) -> float:
        box = strip.bounding_box()
        assert box is not None
        strip.click(position={"x": min(box["width"] - 1, max(1, share * box["width"])), "y": 20})
        # It is drawn with the next picture of the screen.
        page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
        return float(shown.get_attribute(f"data-{name}") or "nan")

    rising = value(1.0) > value(0.0)
    least = -float("inf") if condition.least is None else condition.least
    most = float("inf") if condition.most is None else condition.most
    for _ in range(14):
        middle = (low + high) / 2
        now = value(middle)
        if least <= now <= most:
            return
        low, high = (middle, high) if (now < least) == rising else (low, middle)
    raise AssertionError(f"No place of the strip has {condition}.")


def _start(page: Page, step: RailStep) -> None:
    """Press the lab's button, again where it was still that of another view; what it draws by itself counts as well."""
    done = page.locator('.dp-rail[data-done="true"]')
    button = page.locator('[data-testid="stBaseButton-primary"]:enabled, button.primary:enabled').locator(
        "visible=true"
    )
    for _ in range(1 if step.lab == "training" else LONG // 20_000):
        expect(button.or_(done).first).to_be_visible(timeout=LONG)
        if done.count():
            return
        with contextlib.suppress(TimeoutError):  # it may be disabled in this moment
            button.first.click(timeout=5_000)
        with contextlib.suppress(TimeoutError):
            done.wait_for(timeout=20_000)


def _through(page: Page, rail: Rail, first: int, last: int, *, well: bool) -> None:
    for k in range(first, last):
        step = rail.steps[k]
        place = _at(page, k)
        if step.kind == "ask":
            _ask(place, step, well=well)
        elif step.kind == "do":
            _do(page, step)
        elif step.kind == "explain":
            _explain(place)
        elif step.kind == "check":
            _check(place, step, well=well)
        elif step.kind == "see":
            expect(place.locator(".dp-compared")).to_have_count(len(step.of))
        _is_done(page, k)
        if k + 1 < len(rail.steps):
            place.locator('[data-action="next"]').click()


# --- the walks --------------------------------------------------------------------------------------------------------


WALKS = [
    *[("streamlit", number, True) for number in (1, 2, 3, 4, 5)],
    *[("gradio", number, True) for number in (1, 2, 3, 4)],
    ("streamlit", 1, False),
    ("gradio", 2, False),
]
"""Front end, lesson, and whether it is answered well."""


@pytest.mark.parametrize(("server", "number", "well"), WALKS, indirect=["server"])
def test_every_step(chromium: Browser, server: str, request: pytest.FixtureRequest, number: int, well: bool) -> None:
    """Well in English and wrong in Chinese in one front end, and the other way round in the other."""
    tag = "en" if well is (request.node.callspec.params["server"] == "streamlit") else "zh"
    rail = _rail(number, tag)
    context = chromium.new_context(viewport={"width": 1400, "height": 1000}, locale="en-US")
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(f"{server}/learn?lang={tag}")
    card = page.locator(f'[data-lesson="{number}"]')
    expect(card).to_be_visible(timeout=LONG)
    card.locator("a.dp-next").click()
    expect(_at(page, 0)).to_contain_text(rail.title)
    middle = len(rail.steps) // 2
    _through(page, rail, 0, middle, well=well)
    _at(page, middle)
    page.goto(f"{server}/learn?lang={tag}")  # left in the middle, and back
    expect(card).to_have_attribute("data-done", f"{middle}/{len(rail.steps)}")
    card.locator("a.dp-next").click()
    _at(page, middle)
    _through(page, rail, middle, len(rail.steps), well=well)
    context.close()
    assert not errors
