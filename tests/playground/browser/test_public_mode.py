"""Two visitors of a public playground, each in a browser of their own, in both front ends: neither reaches the other's."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from engine.runs.service import TrainingService
from engine.training.config import TrainConfig
from playground.components.identity import VISITOR
from playground.labs.sampling import text as opening
from playground.labs.training import text
from playground.policy.ownership import SECRET, write_owner

from servers import ROOT, SLOW, RunServer

pytestmark = pytest.mark.browser
ANNA = "a" * 32
FEW = {"batch": 1, "T": 20, "report_every": 1, "sample_every": 100, "warmup": 0, "ema_decay": 0.5, "steps": 2}
TITLE = "Annas secret"
NOTHING = text.NOTHING.split("**")[0].strip()
"""What the Training page says where there is no run to be seen."""


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A folder with one finished run of Anna's, and its id."""
    root = tmp_path_factory.mktemp("runs")
    service = TrainingService(root)
    run_id = service.submit(TrainConfig.model_validate(FEW))
    service.wait(run_id, lambda snapshot: not snapshot.active, 240)
    service.rename(run_id, TITLE)
    write_owner(ANNA, root / run_id)
    return root, run_id


@pytest.fixture(scope="module")
def streamlit(runs: tuple[Path, str], run_streamlit: RunServer) -> Iterator[str]:
    env = {"DIFFUSION_PLAYGROUND_RUNS": str(runs[0]), "DIFFUSION_PLAYGROUND_PUBLIC": "1"}
    with run_streamlit(ROOT / "playground" / "app.py", env=env) as url:
        yield url


@pytest.fixture(scope="module")
def gradio(runs: tuple[Path, str], run_gradio: RunServer) -> Iterator[str]:
    with run_gradio(env={"DIFFUSION_PLAYGROUND_RUNS": str(runs[0])}, args=["--public"]) as url:
        yield url


def _visitor(chromium: Browser, secret: str = "") -> BrowserContext:
    """A browser of its own; with a secret, one that has been here before."""
    context = chromium.new_context(viewport={"width": 1300, "height": 1000})
    context.set_default_timeout(SLOW)
    expect.set_options(timeout=SLOW)
    if secret:
        context.add_init_script(f"localStorage.setItem({json.dumps(VISITOR)}, {json.dumps(secret)})")
    return context


def _opened(context: BrowserContext, address: str) -> Page:
    page = context.new_page()
    page.goto(address)
    return page


def test_in_streamlit_a_visitor_sees_and_moves_only_their_own_runs(
    chromium: Browser, streamlit: str, runs: tuple[Path, str]
) -> None:
    anna, bert = _visitor(chromium, ANNA), _visitor(chromium)
    hers = _opened(anna, f"{streamlit}/training?run={runs[1]}")
    expect(hers.get_by_role("heading", name=TITLE)).to_be_visible()
    for link in ("training", f"training?run={runs[1]}", f"training?compare={runs[1]},{runs[1]}"):
        his = _opened(bert, f"{streamlit}/{link}")
        expect(his.get_by_text(NOTHING)).to_be_visible()
        expect(his.get_by_text(TITLE)).to_have_count(0)
        expect(his.get_by_role("button", name="Stop")).to_have_count(0)
        his.close()
    secret = bert.pages[0] if bert.pages else _opened(bert, streamlit)
    kept = secret.evaluate(f"localStorage.getItem({json.dumps(VISITOR)})")
    assert SECRET.fullmatch(kept)
    hers.reload()  # the same browser is the same visitor
    expect(hers.get_by_role("heading", name=TITLE)).to_be_visible()
    for page in (*anna.pages, *bert.pages):
        assert ANNA not in page.url
        assert kept not in page.url
    anna.close()
    bert.close()


def test_in_streamlit_no_link_opens_a_path_or_names_one(
    chromium: Browser, streamlit: str, runs: tuple[Path, str]
) -> None:
    bert = _visitor(chromium)
    for name in (f"run:{runs[1]}", str(runs[0] / runs[1]), "/etc"):
        his = _opened(bert, f"{streamlit}/sampling?model={name}&steps=2&count=1")
        expect(his.get_by_text("is not here", exact=False)).to_be_visible()
        expect(his.get_by_text(opening.OPEN)).to_have_count(0)
        assert str(runs[0]) not in his.locator("[data-testid=stMain]").inner_text().replace(name, "")
        his.close()
    bert.close()


def test_in_streamlit_a_guessed_session_is_a_new_one(streamlit: str) -> None:
    """The file routes of a session answer only who knows it; nobody's session is listed."""
    for path in ("_stcore/upload_file/00000000-0000-0000-0000-000000000000/x", "media/0000.zip"):
        request = urllib.request.Request(f"{streamlit}/{path}", method="PUT" if "upload" in path else "GET", data=None)
        with pytest.raises(urllib.error.HTTPError) as refusal:
            urllib.request.urlopen(request, timeout=60)
        assert refusal.value.code in (400, 403, 404)


def test_in_gradio_a_visitor_sees_and_moves_only_their_own_runs(
    chromium: Browser, gradio: str, runs: tuple[Path, str]
) -> None:
    anna, bert = _visitor(chromium, ANNA), _visitor(chromium)
    hers = _opened(anna, f"{gradio}/training?run={runs[1]}")
    expect(hers.locator("#training-name")).to_contain_text(TITLE)
    for link in ("training", f"training?run={runs[1]}", f"training?compare={runs[1]},{runs[1]}"):
        his = _opened(bert, f"{gradio}/{link}")
        expect(his.get_by_text(NOTHING)).to_be_visible()
        expect(his.get_by_text(TITLE)).to_have_count(0)
        expect(his.get_by_role("button", name="Stop")).to_have_count(0)
        his.close()
    hers.reload()
    expect(hers.locator("#training-name")).to_contain_text(TITLE)
    assert ANNA not in hers.url
    anna.close()
    bert.close()
