"""A class as its teacher and its students have it: lesson 1 together, the wall, and an experiment that is split."""

from __future__ import annotations

import contextlib
import csv
import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, TimeoutError, expect

from servers import SLOW, RunServer, free_port

APP = Path(__file__).resolve().parents[3] / "playground" / "app.py"
pytestmark = [pytest.mark.browser, pytest.mark.timeout(900)]
PHONE = {"width": 390, "height": 844}
START = '[data-testid="stBaseButton-primary"]:enabled, button.primary:enabled'


@contextmanager
def _server(kind: str, run_streamlit: RunServer, run_gradio: RunServer, runs: Path, port: int) -> Iterator[str]:
    env = {"DIFFUSION_PLAYGROUND_RUNS": str(runs)}
    with run_streamlit(APP, port=port, env=env) if kind == "streamlit" else run_gradio(port=port, env=env) as url:
        yield url


class People:
    """Windows of people who have nothing in common, and the errors of their pages."""

    def __init__(self, chromium: Browser, tag: str) -> None:
        self.tag = tag
        self.errors: list[str] = []
        self._chromium = chromium

    def page(self, *, is_phone: bool = False) -> Page:
        scheme = "dark" if is_phone else "light"
        size = PHONE if is_phone else {"width": 1300, "height": 900}
        context = self._chromium.new_context(viewport=size, color_scheme=scheme, locale="en-US")
        context.set_default_timeout(SLOW)
        expect.set_options(timeout=SLOW)
        page = context.new_page()
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        return page

    def opens(self, url: str, *, lesson: str, lab: str = "") -> Page:
        """A teacher who opens a class."""
        teacher = self.page()
        teacher.goto(f"{url}/teach?lang={self.tag}")
        teacher.locator(".dp-class-opening select").select_option(lesson)
        if lab:
            teacher.locator(".dp-class-opening input").fill(f"{url}/{lab}")
        teacher.locator('[data-action="open-class"]').click()
        expect(teacher.locator(".dp-class")).to_have_attribute("data-students", "0")
        assert "#" not in teacher.url  # the secret is in no picture of the screen
        return teacher

    def joins(self, link: str, name: str, *, is_phone: bool = False) -> Page:
        """A student who comes by the link."""
        student = self.page(is_phone=is_phone)
        student.goto(f"{link}?lang={self.tag}")
        student.locator(".dp-class-join input").fill(name)
        student.locator('[data-action="join"]').click()
        _is_saved(student)
        return student


def _is_saved(student: Page) -> None:
    expect(student.locator('.dp-class-saved[data-saved="true"]')).to_be_visible()


def _predicts(student: Page, value: str) -> Locator:
    rail = student.locator('.dp-rail[data-step="0"]')
    rail.locator("input[type=range]").fill(value)
    rail.locator('[data-action="commit"]').click()
    expect(rail.locator(".dp-committed")).to_be_visible()
    _is_saved(student)
    return rail


def _projector(teacher: Page) -> Page:
    projector = teacher.context.new_page()
    projector.goto(teacher.url.replace("/teacher", "/projector"))
    return projector


@pytest.mark.parametrize(("kind", "tag"), [("gradio", "zh"), ("streamlit", "en")])
def test_a_lesson_together(
    kind: str, tag: str, chromium: Browser, run_streamlit: RunServer, run_gradio: RunServer, tmp_path: Path
) -> None:
    people, port = People(chromium, tag), free_port()
    with _server(kind, run_streamlit, run_gradio, tmp_path, port) as url:
        teacher = people.opens(url, lesson="1")
        link = teacher.locator(".dp-class-link").inner_text()
        assert len(link.removeprefix(f"{url}/class/")) == 7
        assert teacher.locator(".dp-class-invitation img").evaluate("image => image.naturalWidth") > 100
        ada, bo = people.joins(link, "Ada", is_phone=True), people.joins(link, "")
        expect(teacher.locator(".dp-class-people li")).to_have_count(2)
        expect(teacher.locator(".dp-class-people li").first).to_contain_text("Ada")
        _predicts(ada, "300")
        rail = _predicts(bo, "500")
        expect(teacher.locator('.dp-class-dot[data-state="done"]')).to_have_count(2)
        # The projector shows it without what is right, until that is revealed.
        projector = _projector(teacher)
        expect(projector.locator(".dp-class-invitation")).to_be_visible()
        teacher.locator('[data-action="show"]').click()
        expect(projector.locator(".dp-class")).to_have_attribute("data-shown", "step 0")
        expect(projector.locator('[data-right="true"]')).to_have_count(0)
        teacher.locator('[data-action="reveal"]').click()
        expect(projector.locator('[data-right="true"]')).to_have_count(1)
        # A step that is held back is held back, and opens by itself.
        teacher.locator(".dp-class-stage select").first.select_option("0")
        expect(rail.locator(".dp-held")).to_be_visible()
        expect(rail.locator('[data-action="next"]')).to_be_disabled()
        teacher.locator(".dp-class-stage select").first.select_option("")
        rail.locator('[data-action="next"]').click()
        expect(bo.locator('.dp-rail[data-step="1"]')).to_be_visible()
        # Students go where the teacher goes, until they let go.
        lab = teacher.context.new_page()
        lab.goto(f"{link}?lang={tag}")
        lab.locator('[data-action="lead"]').click()
        expect(bo.locator('[data-action="follow-teacher"]')).to_be_visible()
        lab.goto(lab.url.replace("/forward?", "/schedules?").replace("lesson=1", "T=500"))
        bo.wait_for_url("**/schedules?*T=500*")
        ada.wait_for_url("**/schedules?*T=500*")
        bo.locator('[data-action="follow-teacher"]').click()
        lab.locator('[data-action="lead"]').click()
        expect(ada.locator('[data-action="follow-teacher"]')).to_have_count(0)
    # The server is gone for a while: what is done meanwhile arrives when it is back, and nothing has to be loaded again.
    cy = ada.context.new_page()
    with _server(kind, run_streamlit, run_gradio, tmp_path, port) as url:
        cy.goto(f"{link}?lang={tag}")
        _is_saved(cy)
        expect(teacher.locator(".dp-class-problem")).to_be_hidden()
        expect(teacher.locator(".dp-class-people li")).to_have_count(2)
        late = people.joins(link, "<b>Cy</b>")
        expect(teacher.locator(".dp-class-people li")).to_have_count(3)
        expect(teacher.locator(".dp-class-people li").last).to_contain_text("<b>Cy</b>")
        _predicts(late, "300")
        expect(teacher.locator('.dp-class-dot[data-state="done"]')).to_have_count(3)
        rows = _exported(teacher)
        answers = {row["student"]: row["answers"] for row in rows if row["step or task"] == "1"}
        assert answers == {"1": "[300]", "2": "[500]", "3": "[300]"}
        teacher.on("dialog", lambda dialog: dialog.accept())
        teacher.locator('[data-action="delete"]').click()
        expect(teacher.locator(".dp-class-people")).to_have_count(0)
        expect(late.locator('.dp-class-saved[data-saved="false"]')).to_be_visible()
    assert not people.errors


def _exported(teacher: Page) -> list[dict[str, str]]:
    with teacher.expect_download() as download:
        teacher.locator(".dp-class-kept .dp-chip").first.click()
    text = Path(download.value.path()).read_text(encoding="utf-8-sig")
    return list(csv.DictReader(io.StringIO(text)))


@pytest.mark.parametrize(("kind", "tag"), [("gradio", "en"), ("streamlit", "zh")])
def test_the_wall_and_an_experiment(
    kind: str, tag: str, chromium: Browser, run_streamlit: RunServer, run_gradio: RunServer, tmp_path: Path
) -> None:
    people = People(chromium, tag)
    with _server(kind, run_streamlit, run_gradio, tmp_path, free_port()) as url:
        teacher = people.opens(url, lesson="", lab="sampling?steps=5&count=4&labels=each")
        teacher.locator(".dp-class-stage select").select_option("wall")
        link = teacher.locator(".dp-class-link").inner_text()
        students = [people.joins(link, name) for name in ("Ada", "Bo")]
        for number, student in enumerate(students, 1):
            student.wait_for_url(f"**/sampling?*seed={number}*")  # a seed of one's own
            _draws(student, teacher.locator(".dp-class-card").nth(number - 1))  # a lab may begin by itself
        projector = _projector(teacher)
        for page in (teacher, projector):
            expect(page.locator('[data-results="2"]')).to_be_visible()
            pictures = page.locator(".dp-class-card img")
            expect(pictures).to_have_count(2)
            for picture in pictures.all():
                expect(picture).to_have_attribute("src", re.compile("^blob:"))
                expect(picture).to_be_visible()
        assert "Ada" not in projector.locator(".dp-class-cards").inner_text()
        links = teacher.locator(".dp-class-card").evaluate_all("cards => cards.map(card => card.href)")
        assert ["seed=1" in links[0], "seed=2" in links[1]] == [True, True]
        teacher.locator(".dp-class-details summary").click()
        fields = teacher.locator(".dp-class-form input")
        fields.nth(2).fill("1, 4")
        fields.nth(5).fill("2")
        teacher.locator('[data-action="split"]').click()
        expect(projector.locator(".dp-class")).to_have_attribute("data-shown", "sweep")
        for done in range(1, 5):
            student = students[done % 2]
            student.locator('[data-action="cell"]').click()
            expect(student.locator('[data-action="cell"]')).to_have_count(0)
            _draws(student, teacher.locator(f'.dp-class-sweep[data-done="{done}"]'))
        expect(projector.locator('.dp-class-grid td[data-done="true"]')).to_have_count(2)
        rows = [row for row in _exported(teacher) if row["step or task"].startswith("cell ")]
        assert len(rows) == 4
        assert all('"accuracy": ' in row["facts"] for row in rows)
        assert {row["student"] for row in rows} == {"1", "2"}
    assert not people.errors


def _draws(student: Page, arrived: Locator) -> None:
    """Press the lab's button, again where it was still that of the settings before."""
    button = student.locator(START).locator("visible=true").first
    for _ in range(6):
        with contextlib.suppress(TimeoutError):
            button.click()
        with contextlib.suppress(TimeoutError):
            return arrived.wait_for(timeout=20_000)
    raise AssertionError(f"What {student.url} has computed does not come to the teacher.")
