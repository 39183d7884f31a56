"""The pages without a server, from a folder and from a web server: they show their figures, and ask nobody for anything."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect
from test_course import rail_of, through

from engine.recipes.recipe import Recipe
from engine.runs.service import TrainingService
from engine.training.config import TrainConfig
from playground.browser.__main__ import main
from playground.course.lesson import lessons
from playground.static_site import pages
from playground.static_site.address import in_folder

pytestmark = pytest.mark.browser
LONG = 90_000
"""Milliseconds, on a busy machine."""
SETTINGS = {"sampling": "?count=4&steps=5"}
"""Of pages that take long with their own."""
MOST = 8e6
"""Bytes of the whole site."""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built once."""
    folder = tmp_path_factory.mktemp("site") / "pages"
    assert main(["build", str(folder)]) == 0
    return folder


@pytest.fixture(scope="module")
def address(site: Path) -> Iterator[str]:
    """The site on a web server."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(site))) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join()


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


def watched(context: BrowserContext, own: str) -> tuple[Page, list[str]]:
    """A page, and what goes wrong on it: errors, violations of its policy, and requests for what is not its own."""
    page = context.new_page()
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda message: wrong.append(message.text) if message.type in ("error", "warning") else None)
    page.on(
        "request",
        lambda request: None if request.url.startswith((own, "blob:", "data:")) else wrong.append(request.url),
    )
    return page, wrong


def opened(page: Page, address: str) -> None:
    """Open a page of the site, and wait until it has its figure."""
    page.goto(address)
    expect(page.locator("html[data-ready]")).to_be_attached(timeout=LONG)
    for figure in page.locator(".site-figure .dp-root").all():
        expect(figure).to_be_visible(timeout=LONG)
        expect(figure.locator("canvas:visible, svg:visible, a:visible").first).to_be_visible(timeout=LONG)
        expect(figure.locator(".dp-message:visible")).to_have_count(0, timeout=LONG)


@pytest.mark.parametrize("from_server", [True, False], ids=["server", "folder"])
@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("folder", ["", "zh/"])
def test_every_page(chromium: Browser, site: Path, address: str, from_server: bool, width: int, folder: str) -> None:
    root = address if from_server else f"{site.as_uri()}/"
    context = chromium.new_context(viewport={"width": width, "height": 844})
    page, wrong = watched(context, root)
    for name in pages.NAMES:
        opened(page, root + folder + in_folder(f"./{name}") + SETTINGS.get(name, ""))
        title = pages.page(name, in_folder).text
        assert page.locator("h1").inner_text() == str(title.TITLE) or folder
        assert page.evaluate("document.documentElement.scrollWidth") <= width, name
    context.close()
    assert not wrong


def test_size(site: Path) -> None:
    assert sum(path.stat().st_size for path in site.rglob("*") if path.is_file()) < MOST


def _whole(page: Page) -> None:
    """Once all images are drawn."""
    expect(page.locator("""[data-drawn="whole"][data-facts*='"finished"']""")).to_be_attached(timeout=LONG)


def test_controls_are_in_the_address_and_back_leads_through_them(chromium: Browser, site: Path) -> None:
    context = chromium.new_context()
    page, wrong = watched(context, "file:")
    opened(page, f"{site.as_uri()}/sampling.html?count=4&steps=5&eta=0.3&clip=none")
    expect(page.locator(".site-notice")).to_have_count(2)  # of eta, and of clip
    _whole(page)
    page.locator("#sampling-steps select").select_option("10")
    _whole(page)
    assert "steps=10" in page.url
    page.locator("#sampling-sampler select").select_option("ddpm")
    expect(page.locator("#sampling-eta input").first).to_be_disabled()
    page.locator("#sampling-count input").fill("3")
    expect(page.locator("#sampling-count output")).to_have_text("3")
    page.go_back()
    page.go_back()
    expect(page.locator("#sampling-sampler select")).to_have_value("ddim")
    expect(page.locator("#sampling-count output")).to_have_text("4")
    expect(page.locator("#sampling-steps select")).to_have_value("10")
    context.close()
    assert not wrong


def test_a_link_shows_and_locks_controls(chromium: Browser, site: Path) -> None:
    context = chromium.new_context()
    page, wrong = watched(context, "file:")
    opened(page, f"{site.as_uri()}/sampling.html?count=4&steps=5&only=seed,steps&lock=steps")
    expect(page.locator(".site-control:visible")).to_have_count(2)
    expect(page.locator("#sampling-steps select")).to_be_disabled()
    expect(page.locator("#sampling-seed input")).to_be_enabled()
    page.locator("a[data-language=zh]").click()
    expect(page.locator("html[lang=zh] .site-control:visible")).to_have_count(2)
    context.close()
    assert not wrong


def test_after_the_first_visit_no_network_is_needed(chromium: Browser, site: Path) -> None:
    context = chromium.new_context()
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(site)))
    thread = Thread(target=server.serve_forever)
    thread.start()
    root = f"http://127.0.0.1:{server.server_port}/"
    page, wrong = watched(context, root)
    opened(page, root)
    assert page.evaluate("navigator.serviceWorker.ready.then((known) => known.scope)") == root
    server.shutdown()
    server.server_close()
    thread.join()
    context.set_offline(True)
    for address in ("", "zh/forward.html", "sampling.html?count=4&steps=5", "learn.html"):
        opened(page, root + address)
    context.close()
    assert not wrong


# --- lessons ----------------------------------------------------------------------------------------------------------


def _here(number: int) -> bool:
    """Whether all labs of a lesson are on the site."""
    return {step.lab for step in lessons()[number].steps} <= pages.PAGES.keys()


def _walked(page: Page, number: int, tag: str) -> None:
    """Walk through a lesson; where its labs need Python, predictions and checks go on without them."""
    expect.set_options(timeout=LONG)
    rail = rail_of(number, tag)
    away = {step.lab for step in rail.steps} - pages.PAGES.keys()
    through(page, rail, 0, len(rail.steps), tag, well=True, away=away)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("number", lessons())
def test_every_lesson(chromium: Browser, site: Path, number: int) -> None:
    context = chromium.new_context(viewport={"width": 1400, "height": 1000})
    page, wrong = watched(context, "file:")
    tag = "en" if number % 2 else "zh"
    page.goto(f"{site.as_uri()}/{'' if tag == 'en' else 'zh/'}learn.html")
    page.locator(f'[data-lesson="{number}"] a.dp-next').click()
    _walked(page, number, tag)
    page.locator(".dp-contents").click()
    expect(page.locator(f'[data-lesson="{number}"]')).to_be_visible()
    context.close()
    assert not wrong


# --- one file ---------------------------------------------------------------------------------------------------------


@pytest.mark.timeout(600)
@pytest.mark.parametrize("number", [number for number in lessons() if _here(number)])
def test_a_lesson_in_one_file_without_a_network(chromium: Browser, tmp_path: Path, number: int) -> None:
    out, tag = tmp_path / "lesson.html", "zh" if number % 2 else "en"
    assert main(["build", "--single", str(number), str(out), "--language", tag]) == 0
    assert out.stat().st_size < 4e6
    context = chromium.new_context(viewport={"width": 1400, "height": 1000}, offline=True)
    page, wrong = watched(context, out.as_uri())
    page.goto(out.as_uri())
    _walked(page, number, tag)
    page.locator(".dp-contents").click()
    expect(page.locator(f'[data-lesson="{number}"]')).to_be_visible()
    context.close()
    assert not wrong


@pytest.mark.parametrize("tag", ["en", "zh"])
def test_a_recipe_in_one_file_on_a_phone(chromium: Browser, tmp_path: Path, tag: str) -> None:
    recipe = Recipe(model="digits", seeds=(3, 4, 5, 6), labels=(3, 3, 3, 3), steps=6, sampler="ddpm")
    (tmp_path / "recipe.json").write_text(recipe.model_dump_json())
    out = tmp_path / "page.html"
    assert main(["build", "--single", str(tmp_path / "recipe.json"), str(out), "--language", tag]) == 0
    assert out.stat().st_size < 4e6
    context = chromium.new_context(viewport={"width": 390, "height": 844}, offline=True)
    page, wrong = watched(context, out.as_uri())
    page.goto(out.as_uri())
    _whole(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.locator(".site-settings summary").first.click()
    expect(page.locator("#sampling-steps select")).to_have_value("6")
    expect(page.locator("#sampling-label select")).to_have_value("3")
    page.locator("#sampling-seed input").fill("9")
    page.locator("#sampling-seed input").press("Enter")
    expect(page.locator('[data-drawn="whole"][data-seed="9"]')).to_be_attached(timeout=LONG)
    context.close()
    assert not wrong


def test_a_run_in_one_file(chromium: Browser, tmp_path: Path) -> None:
    config = TrainConfig(preset="tiny", steps=4, batch=8)
    runs = TrainingService(tmp_path)
    run = runs.submit(config)
    runs.wait(run, lambda snapshot: snapshot.status == "finished", LONG / 1000)
    runs.close()
    out = tmp_path / "run.html"
    assert main(["build", "--single", str(tmp_path / run), str(out)]) == 0
    context = chromium.new_context(viewport={"width": 1280, "height": 900}, offline=True)
    page, wrong = watched(context, out.as_uri())
    page.goto(out.as_uri())
    _whole(page)
    expect(page.locator(".dp-timeline")).to_have_count(2)
    expect(page.locator(".dp-livechart").first).to_be_visible()
    context.close()
    assert not wrong


def test_what_cannot_be_a_page_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for named in ("ideal:digits", "no-such-model", "9", "run:20200101-000000-aaaa"):
        assert main(["build", "--single", named, str(tmp_path / "page.html")]) == 1
        assert capsys.readouterr().err.strip().endswith(".")
    assert not list(tmp_path.iterdir())
