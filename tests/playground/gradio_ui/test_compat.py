"""What the app assumes of Gradio holds; its sessions share the descriptions of components, and no values."""

from __future__ import annotations

import re
from copy import copy
from pathlib import Path

import gradio as gr
import pytest
from gradio.blocks import Block, BlocksConfig
from gradio.routes import App
from gradio.state_holder import SessionState

from playground.gradio_ui import app, compat
from playground.labs.home.text import LABS


@pytest.fixture(scope="module")
def demo() -> gr.Blocks:
    return app.build()


def test_the_installed_gradio_is_one_that_the_app_knows() -> None:
    assert compat.changes() == [], (
        "Read playground/gradio_ui/compat.py against the new Gradio, mend it, add the version."
    )


def test_a_gradio_that_differs_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gr, "__version__", "7.0.0")
    monkeypatch.setattr(compat, "STREAM_END", b"over")
    monkeypatch.setattr(compat, "STREAM", "/elsewhere")
    first, *others = compat.changes()
    assert "7.0.0" in first
    assert len(others) == 2
    assert all(sentence.endswith(".") for sentence in others)


def test_no_other_file_knows_gradios_private_parts() -> None:
    private = re.compile(r"\b(event|component|demo|block)\._[a-z]|BlocksConfig|current_page|gradio_api")
    known = [path.name for path in (Path(compat.__file__).parents[1]).rglob("*.py") if private.search(path.read_text())]
    assert known == ["compat.py"]


def test_the_server_is_made_once_however_many_pages_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[gr.Blocks] = []
    whole = App.create_app
    monkeypatch.setattr(App, "create_app", lambda demo, *a, **more: (made.append(demo), whole(demo, *a, **more))[1])
    demo = app.build()
    assert len(demo.pages) == 3 + len(LABS)  # Start, Learn and Teach
    assert made == [demo, demo]  # when `Blocks` is made, and at the end of its block; each describes all components


def test_a_new_session_describes_no_component(demo: gr.Blocks, monkeypatch: pytest.MonkeyPatch) -> None:
    first = SessionState(demo)
    described: list[Block] = []
    whole = Block.get_config
    monkeypatch.setattr(Block, "get_config", lambda self, *more: (described.append(self), whole(self, *more))[1])
    second = SessionState(demo)
    assert not described  # some hundreds of them, in the loop that answers everybody, make the others wait
    assert second.config_values == first.config_values
    changed = next(block for block in demo.blocks.values() if isinstance(block, gr.Slider))
    second[changed._id] = copy(changed)
    second._update_config(changed._id)
    assert described == [second.blocks_config.blocks[changed._id]]


def test_the_descriptions_are_gradios_own(demo: gr.Blocks) -> None:
    ours = SessionState(demo).config_values
    assert len(ours) > 300
    assert ours == {key: BlocksConfig.config_for_block(key, [], block) for key, block in demo.blocks.items()}


def test_what_a_session_has_seen_is_neither_kept_nor_shown_to_another(demo: gr.Blocks) -> None:
    mine, others = SessionState(demo), SessionState(demo)
    slider = next(key for key, block in demo.blocks.items() if isinstance(block, gr.Slider))
    before = dict(others.config_values[slider]["props"])
    mine._update_value_in_config(slider, 12345)
    assert others.config_values[slider]["props"] == SessionState(demo).config_values[slider]["props"] == before
    mine[slider] = copy(demo.blocks[slider])
    mine._update_config(slider)
    mine._update_value_in_config(slider, 54321)
    for session in (mine, others, SessionState(demo)):
        assert session.config_values[slider]["props"]["value"] not in (12345, 54321)


def test_the_page_is_described_as_gradio_does(demo: gr.Blocks) -> None:
    page = demo.get_config_file()["components"]
    page[0]["props"]["value"] = "written"
    assert page[0]["props"]["value"] == "written"
    assert {type(one) for one in page} == {dict}


def test_what_begins_work_can_be_pressed_once_the_link_is_read(demo: gr.Blocks) -> None:
    begins = {block.elem_id: block for block in demo.blocks.values() if isinstance(block, gr.Button) and block.visible}
    begins = {name: button for name, button in begins.items() if name and name.endswith(("-start", "-draw"))}
    assert len(begins) > 7
    loads = [fn for fn in demo.fns.values() if any(event == "load" for _, event in fn.targets)]
    for name, button in begins.items():
        assert not button.interactive, name  # with settings that are not those of the link
        assert any(button in fn.outputs for fn in loads), name
