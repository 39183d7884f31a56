"""Walks through the steps of the lessons, in both front ends and languages, well or with wrong answers, left in the middle."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Collection, Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Browser, Locator, Page, TimeoutError, expect

from engine.language import speaking
from playground.course import view
from playground.course.view import Rail, RailCondition, RailQuestion, RailStep
from playground.labs.sampling.controls import sampler_titles
from playground.labs.shared.controls import describe

APP = Path(__file__).resolve().parents[3] / "playground" / "app.py"
pytestmark = pytest.mark.browser
PLAIN = "html => Object.assign(document.createElement('p'), { innerHTML: html }).innerText"
COVERED = '[inert][style*="blur"]:visible'
"""A figure of the lab that is not to be seen yet."""
LONG = 150_000
"""Milliseconds: a lesson's training or sweep on a busy machine, and what waits behind it."""
OF_JOB = {"state", "done", "step"}
"""Facts of what a lab computes when its button is pressed."""
COMPUTED = {"sampling", "training"}
"""Labs that have nothing to move before."""


@pytest.fixture(scope="module")
def server(
    request: pytest.FixtureRequest, run_streamlit, run_gradio, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    env = {"DIFFUSION_PLAYGROUND_RUNS": str(tmp_path_factory.mktemp("runs"))}
    with run_streamlit(APP, env=env) if request.param == "streamlit" else run_gradio(env=env) as url:
        yield url


def rail_of(number: int, tag: str) -> Rail:
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


def _ask(rail: Locator, step: RailStep, *, well: bool, has_figure: bool) -> None:
    if (
        well and has_figure and step.lab != "training"
    ):  # which has no figure before its first run, as has a job that was skipped
        expect(rail.page.locator(COVERED).first).to_be_visible(timeout=LONG)
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


def _do(page: Page, rail: Rail, step: RailStep, tag: str) -> None:
    """Bring the lab to the state that is asked for: settings first, then its job."""
    for condition in step.done:
        name = _name(condition)
        if name in ("t", "position"):
            _drag(page, condition)
        elif name in ("frame", "row"):
            _point(page, name, condition)
        elif name not in OF_JOB:
            _choose(page, rail, step.lab, condition, tag)
    if _is_of_job(step):
        _start(page, step)


def _name(condition: RailCondition) -> str:
    return condition.fact.partition(".")[2]


def _is_of_job(step: RailStep) -> bool:
    return any(_name(condition) in OF_JOB for condition in step.done)


def _middle(condition: RailCondition) -> float:
    ends = [end for end in (condition.least, condition.most) if end is not None]
    return sum(ends) / len(ends)


def _choose(page: Page, rail: Rail, lab: str, condition: RailCondition, tag: str) -> None:
    """Change a control, which comes with the step; once the lab has taken it, the address has it."""
    name = _name(condition)
    with speaking(tag):
        control = next(one for one in describe(view.controls_of(lab)) if one.name == name)
        titles = dict(control.options) or (sampler_titles() if control.kind == "text" else {})
    value = condition.is_ or f"{_middle(condition):g}"
    place = page.locator(f"#{lab}-{name}, .st-key-{lab}-{name}, [class*='st-key-{lab}-{name}-']").first
    expect(place).to_be_visible(timeout=LONG)
    # The program of a widget may come later.
    expect(place.locator("input, select, [role=radio]").first).to_be_attached(timeout=LONG)
    if control.kind == "switch":
        place.locator("label").first.click()
    elif place.locator("select").count():  # of a page without a server
        place.locator("select").select_option(value)
    elif not titles:
        _slide(place.locator("input").first, float(value), control.step or 1)
    elif place.get_by_role("radio").count():
        place.locator("label, button").filter(has_text=re.compile(rf"^\s*{re.escape(titles[value])}\s*$")).first.click()
    else:
        place.locator("input").first.click()
        page.get_by_role("option", name=titles[value], exact=True).click()
    usual = rail.defaults[lab][name]
    page.wait_for_url(lambda url: _is_same(_setting(url, name, usual), value), timeout=LONG, wait_until="commit")


def _setting(url: str, name: str, usual: str) -> str:
    """What an address says."""
    return parse_qs(urlsplit(url).query).get(name, [usual])[0]


def _is_same(one: str, other: str) -> bool:
    try:
        return one == other or float(one) == float(other)
    except ValueError:
        return False


def _slide(field: Locator, value: float, step: float) -> None:
    """A slider's number, where there is one; Streamlit takes what is under the thumb when a key is let go."""
    if field.get_attribute("type") == "range":
        field.fill(f"{value - step:g}")
        field.press("ArrowRight")
    else:
        field.fill(f"{value:g}")
        field.press("Tab")


def _point(page: Page, name: str, condition: RailCondition) -> None:
    """Point at a pixel of the Microscope, or move along its strip."""
    look = page.locator(".dp-microscope[data-branch]").first
    expect(look).to_be_visible(timeout=LONG)
    if name == "row":
        look.locator(".dp-card-stage").first.click(position={"x": 9, "y": 9})
        return
    expect(page.locator("""[data-facts*='"finished"']""")).to_be_attached(timeout=LONG)
    look.locator(".dp-branch-slider").first.focus()
    while (now := int(look.get_attribute("data-step") or 0)) != _middle(condition):
        page.keyboard.press("ArrowLeft" if now > _middle(condition) else "ArrowRight")
        expect(look).not_to_have_attribute("data-step", str(now))


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
    running = page.locator("""[data-facts*='"running"']""")  # pressed again, it would begin again
    for _ in range(1 if step.lab == "training" else LONG // 10_000):
        expect(button.or_(done).first).to_be_visible(timeout=LONG)
        if done.count():
            return
        with contextlib.suppress(TimeoutError):  # it may be disabled in this moment
            if not running.count():
                button.first.click(timeout=5_000)
        with contextlib.suppress(TimeoutError):
            done.wait_for(timeout=10_000)


def through(page: Page, rail: Rail, first: int, last: int, tag: str, *, well: bool, away: Collection[str] = ()) -> int:
    """Walk through these steps; the number of those that were done. Who answers wrong skips what takes long.

    away: labs that are not there; what is to be done in them is skipped.
    """
    done = 0
    for k in range(first, last):
        step = rail.steps[k]
        place = _at(page, k)
        onward = "next"
        if step.kind == "ask":
            _ask(place, step, well=well, has_figure=step.lab not in away)
        elif step.kind == "do" and (step.lab in away or (not well and (_is_of_job(step) or step.lab in COMPUTED))):
            onward = "skip"
        elif step.kind == "do":
            _do(page, rail, step, tag)
        elif step.kind == "explain":
            _explain(place)
        elif step.kind == "check":
            _check(place, step, well=well)
        elif step.kind == "see":
            _see(place, rail, step, well=well)
        if onward == "next":
            _is_done(page, k)
            done += 1
        if k + 1 < len(rail.steps):
            _onward(page, place, k, onward)
    return done


def _onward(page: Page, place: Locator, step: int, action: str) -> None:
    """Leave the step. What was to be skipped may be done meanwhile, even between finding the button and clicking it: a lab may
    begin by itself, or have it from another reader."""
    either = place.locator(f'[data-action="{action}"]:visible, [data-action="next"]:enabled').first
    after = page.locator(f'.dp-rail[data-step="{step + 1}"]')
    for _ in range(LONG // 5_000):
        expect(either.or_(after).first).to_be_visible(timeout=LONG)
        if after.count():
            return
        with contextlib.suppress(TimeoutError):
            either.click(timeout=5_000)
    raise AssertionError(f"Step {step} cannot be left.")


def _see(place: Locator, rail: Rail, step: RailStep, *, well: bool) -> None:
    """What was predicted is said to be right, or not."""
    expect(place.locator(".dp-compared")).to_have_count(len(step.of))
    verdicts = place.locator(f'.dp-compared[data-right="{str(well).lower()}"]')
    expect(verdicts).to_have_count(len(step.of))


# --- the walks --------------------------------------------------------------------------------------------------------


LESSONS = range(1, 9)


def _well_in(server: str, number: int) -> str:
    """The language in which a lesson is walked well; wrong answers are given in the other one."""
    return "en" if (server == "streamlit") is (number % 2 == 1) else "zh"


@pytest.mark.timeout(900)
@pytest.mark.parametrize("server", ["streamlit", "gradio"], indirect=True)
@pytest.mark.parametrize("number", LESSONS)
@pytest.mark.parametrize("well", [True, False], ids=["well", "wrong"])
def test_every_step(chromium: Browser, server: str, request: pytest.FixtureRequest, number: int, well: bool) -> None:
    """Each lesson in both front ends, in both languages in each, left in the middle and taken up again."""
    first = _well_in(request.node.callspec.params["server"], number)
    tag = first if well else {"en": "zh", "zh": "en"}[first]
    rail = rail_of(number, tag)
    context = chromium.new_context(viewport={"width": 1400, "height": 1000}, locale="en-US")
    context.set_default_timeout(LONG)
    expect.set_options(timeout=LONG)
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(f"{server}/learn?lang={tag}")
    card = page.locator(f'[data-lesson="{number}"]')
    expect(card).to_be_visible(timeout=LONG)
    card.locator("a.dp-next").click()
    expect(_at(page, 0)).to_contain_text(rail.title)
    middle = len(rail.steps) // 2
    done = through(page, rail, 0, middle, tag, well=well)
    _at(page, middle)
    page.goto(f"{server}/learn?lang={tag}")  # left in the middle, and back
    kept = f"{done}" if well else r"\d+"
    expect(card).to_have_attribute("data-done", re.compile(f"^{kept}/{len(rail.steps)}$"))
    card.locator("a.dp-next").click()
    _at(page, middle)
    through(page, rail, middle, len(rail.steps), tag, well=well)
    context.close()
    assert not errors


# --- without a mouse --------------------------------------------------------------------------------------------------


def _tab_to(page: Page, wanted: Locator) -> None:
    """Press Tab until it has the focus."""
    expect(wanted).to_be_visible(timeout=LONG)
    expect(wanted).to_be_enabled(timeout=LONG)
    for _ in range(150):
        if wanted.evaluate("node => node.getRootNode().activeElement === node"):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"Tab does not lead to {wanted}.")


def _press(page: Page, button: Locator) -> None:
    _tab_to(page, button)
    page.keyboard.press("Enter")


@pytest.mark.timeout(600)
@pytest.mark.parametrize("server", ["gradio"], indirect=True)
def test_a_lesson_by_keys_alone(page: Page, server: str) -> None:
    """Everything is found by its role and name, and the focus goes where the lesson goes on."""
    page.goto(f"{server}/forward?lesson=1&lang=en")
    rail = page.get_by_role("complementary", name="Lesson 1: Taking a picture apart")
    next_step = rail.get_by_role("button", name="Next", exact=True)

    def onward(step: int, kind: str) -> None:
        _press(page, next_step)
        expect(rail.get_by_role("heading", level=2, name=f"{kind} · step {step} of 9")).to_be_focused()

    _tab_to(page, rail.get_by_role("slider"))
    page.keyboard.press("ArrowLeft")
    expect(rail.get_by_role("slider")).to_have_attribute("aria-valuetext", "490")
    _press(page, rail.get_by_role("button", name="This is my prediction"))
    expect(next_step).to_be_focused()

    onward(2, "Do")
    strip = page.locator(".dp-timeline[data-loaded]").first
    _tab_to(page, strip.locator(".dp-scrubber"))
    while float(strip.get_attribute("data-t") or 0) < 255:
        before = strip.get_attribute("data-t") or ""
        page.keyboard.press("ArrowRight")
        expect(strip).not_to_have_attribute("data-t", before)
    expect(rail.get_by_role("status").filter(has_text="Done.")).to_be_visible()

    onward(3, "Compare")
    onward(4, "Predict")
    _tab_to(page, rail.get_by_role("radio").first)
    page.keyboard.press("ArrowDown")
    expect(rail.get_by_role("radio").nth(1)).to_be_checked()
    _press(page, rail.get_by_role("button", name="This is my prediction"))

    onward(5, "Do")
    _tab_to(page, page.get_by_role("radio", name="Both"))  # each of Gradio's radios is a stop of its own
    page.keyboard.press("Space")
    expect(page.get_by_role("radio", name="Both")).to_be_checked()
    expect(rail.get_by_role("status").filter(has_text="Done.")).to_be_visible()

    onward(6, "Compare")
    onward(7, "Explain")
    _tab_to(page, rail.get_by_role("textbox", name="Your explanation, in a sentence or two"))
    page.keyboard.type("A sum of Gaussians is Gaussian.")
    _press(page, rail.get_by_role("button", name="Compare with a good answer"))

    onward(8, "Check")
    questions = rail.get_by_role("radiogroup")
    _tab_to(page, questions.first.get_by_role("radio").first)
    page.keyboard.press("Space")
    _press(page, rail.get_by_role("button", name="Check", exact=True).first)
    expect(rail.get_by_role("status").filter(has_text="Not yet.")).to_be_visible()
    expect(rail.get_by_role("status").filter(has_text="Hint:")).to_be_visible()
    for question in questions.all():
        _tab_to(page, question.get_by_role("radio").first)
        page.keyboard.press("ArrowDown")
        _press(page, rail.get_by_role("button", name="Check", exact=True).first)
    expect(rail.get_by_role("status").filter(has_text="Right.")).to_have_count(2)
    onward(9, "Try")
    expect(rail.get_by_role("status").filter(has_text="You have finished this lesson.")).to_be_visible()
