"""A symbol of an equation is explained where the pointer, the keyboard's focus or a finger is; in both front ends."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from servers import ROOT, RunServer

pytestmark = pytest.mark.browser
SYMBOL = ".dp-formula [data-symbol='ᾱ_t'] >> nth=0"


@pytest.fixture(scope="module", params=["streamlit", "gradio"])
def app(request: pytest.FixtureRequest, run_streamlit: RunServer, run_gradio: RunServer) -> Iterator[str]:
    """Each of the two."""
    with run_streamlit(ROOT / "playground" / "app.py") if request.param == "streamlit" else run_gradio() as url:
        yield url


def test_a_symbol_is_explained_on_hover_focus_and_click_and_escape_closes_it(app: str, page: Page) -> None:
    page.goto(f"{app}/forward")
    symbol, card = page.locator(SYMBOL), page.locator(".dp-symbol-card")
    symbol.hover()
    expect(card).to_contain_text("signal variance")
    expect(card).to_contain_text("Now: 0.")
    expect(card).to_contain_text("Ho et al. 2020, eq. 4")
    expect(card).to_contain_text("engine/schedule.py:")
    card.hover()  # what it says can be reached, and stays
    expect(card).to_be_visible()
    page.mouse.move(5, 5)
    expect(card).to_have_count(0)

    first = page.locator(".dp-formula [tabindex]").first
    first.focus()
    expect(card).to_contain_text("noisy data")
    expect(first).to_have_attribute("aria-describedby", str(card.get_attribute("id")))
    page.keyboard.press("Tab")  # to the next symbol
    expect(card).to_contain_text("signal variance")
    page.keyboard.press("Escape")
    expect(card).to_have_count(0)
    symbol.click()
    expect(card).to_be_visible()
    page.mouse.click(5, 5)
    expect(card).to_have_count(0)
