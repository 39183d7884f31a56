"""A newcomer's walk through the Network x-ray, in both front ends: look, choose, point, switch off, draw."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

APP = Path(__file__).resolve().parents[3] / "playground" / "app.py"
pytestmark = pytest.mark.browser


@pytest.fixture(scope="module", params=["streamlit", "gradio"])
def server(request: pytest.FixtureRequest, run_streamlit, run_gradio) -> Iterator[str]:
    with run_streamlit(APP) if request.param == "streamlit" else run_gradio() as url:
        yield url


def test_a_walk_through_the_network(page: Page, server: str) -> None:
    page.goto(f"{server}/xray?step=12")
    root = page.locator(".dp-xray[data-id]")
    expect(root.locator(".dp-unet-block").first).to_be_visible()
    expect(root.locator(".dp-xray-tiles canvas").first).to_be_visible()
    look = root.get_attribute("data-id")

    # Choosing a block, by pointer and by keys, shows its channels without a new look.
    att = root.locator(".dp-unet-block[data-name='mid_block.attentions.0']")
    att.click()
    expect(root).to_have_attribute("data-block", "mid_block.attentions.0")
    page.wait_for_url("**block=mid_block.attentions.0**")
    page.keyboard.press("ArrowRight")
    expect(root).to_have_attribute("data-block", "mid_block.resnets.1")
    page.wait_for_url("**block=mid_block.resnets.1**")
    assert root.get_attribute("data-id") == look

    # Pointing at a pixel shows where it looks.
    asking = root.locator("canvas.dp-pickable")
    asking.scroll_into_view_if_needed()
    asking.hover(position={"x": 5, "y": 5})
    expect(root.locator("section[data-query='0']")).to_be_visible()
    page.keyboard.press("Tab")
    asking.focus()
    page.keyboard.press("ArrowRight")
    expect(root.locator("section[data-query='1'] output").first).to_contain_text("Query at row 0, column 1")

    # A skip that is switched off changes what is seen, and is in the link.
    guess = "(root) => root.querySelectorAll('.dp-xray-pictures img')[1].src"
    before = root.evaluate(guess)
    root.locator(".dp-unet-skip[data-skip='3']").click()
    expect(root).to_have_attribute("data-off", "3")
    page.wait_for_url("**off=3**")
    expect(root).not_to_have_attribute("data-id", look or "")
    assert root.evaluate(guess) != before

    # What each part is good for is told at once; whole pictures are drawn when asked for, and Stop stops.
    expect(page.locator(".dp-variant")).to_have_count(9)
    page.get_by_role("button", name="Draw samples").click()
    expect(page.locator(".dp-drawn").first).to_be_visible()
    page.get_by_role("button", name="Stop").click()
    expect(page.get_by_text("Stopped after")).to_be_visible()


def test_the_block_that_was_chosen_is_there_after_another_page(page: Page, server: str) -> None:
    page.goto(f"{server}/xray")
    root = page.locator(".dp-xray[data-id]")
    root.locator(".dp-unet-block[data-name='mid_block.attentions.0']").click()
    page.wait_for_url("**block=mid_block.attentions.0**")
    page.get_by_role("link", name="Forward").first.click()
    expect(page.locator(".dp-timeline canvas").first).to_be_visible()
    page.go_back()
    expect(root).to_have_attribute("data-block", "mid_block.attentions.0")


def test_a_model_without_a_network_says_so(page: Page, server: str) -> None:
    page.goto(f"{server}/xray?model=ideal:digits")
    expect(page.get_by_text("has no U-Net of this project")).to_be_visible()


def test_another_activation_leaves_the_old_drawing_dimmed_until_the_new_one_is_there(page: Page, server: str) -> None:
    page.goto(f"{server}/xray?step=12")
    root = page.locator(".dp-xray[data-id]")
    expect(root.locator(".dp-unet-block").first).to_be_visible()
    expect(page.locator(".dp-variant")).to_have_count(9)
    look = root.get_attribute("data-id") or ""
    # Noted at every change of the page: how many drawings it has, and whether the old one was dimmed.
    page.evaluate(
        """() => {
          window.seen = { fewest: 9, dimmed: false, rows: 99 };
          const note = () => {
            const shadows = [...document.querySelectorAll("*")].map((one) => one.shadowRoot).filter(Boolean);
            const shown = [document, ...shadows].flatMap((one) => [...one.querySelectorAll(".dp-xray[data-id]")]);
            window.seen.fewest = Math.min(window.seen.fewest, shown.length);
            window.seen.rows = Math.min(window.seen.rows, document.querySelectorAll(".dp-variant").length);
            requestAnimationFrame(note);
          };
          note();
          // For less than a frame, where the answer is quick.
          const dimmed = () => { window.seen.dimmed ||= Boolean(document.querySelector(".dp-old, .dp-waiting")); };
          new MutationObserver(dimmed).observe(document, { subtree: true, childList: true, attributes: true });
        }"""
    )
    page.get_by_text("ReLU", exact=True).first.click()
    expect(root).not_to_have_attribute("data-id", look)
    seen = page.evaluate("window.seen")
    assert seen["fewest"] == 1
    assert seen["rows"] == 9
    assert seen["dimmed"]
