"""The pages without a server, from a folder and from a web server: they show their figures, and ask nobody for anything."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from playground.browser.__main__ import main
from playground.site import pages
from playground.site.address import in_folder

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
