"""What is loaded when: the first screen without torch, sampling and training without diffusers, the engine without pages."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from playground.labs.home.text import LABS

ROOT = Path(__file__).parents[2]
COMPILER = ("torch._dynamo", "torch._inductor")


def _modules(program: str) -> set[str]:
    """The modules that are loaded when a program of its own has run."""
    tail = "\nimport sys\nprint('MODULES', *sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program + tail], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    return set(done.stdout.partition("MODULES")[2].split())


def _loaded(program: str) -> set[str]:
    """The packages of these modules."""
    return {name.split(".")[0] for name in _modules(program)}


def test_a_page_is_imported_when_it_is_opened() -> None:
    loaded = _modules(
        "from threading import Event\nfrom streamlit.testing.v1 import AppTest\nfrom playground import preload\n"
        "ready = Event()\npreload.start = lambda: ready\n"
        "assert not AppTest.from_file('playground/streamlit_ui/app.py', default_timeout=60).run().exception"
    )
    assert "playground.streamlit_ui.home" in loaded
    assert not loaded & {f"playground.streamlit_ui.{address}" for address, *_ in LABS}
    assert "torch" not in loaded
    assert len(loaded) < 1300


def test_a_model_is_opened_and_sampled_without_the_compiler_of_torch() -> None:
    """It would be 900 modules more, and seconds: networks are made without `torch.nn.init` on the device "meta"."""
    loaded = _modules(
        "from playground import preload\npreload.wait()\nfrom engine import registry\n"
        "from engine.interop import pretrained\nfrom engine.recipes.recipe import Recipe\n"
        "for name in pretrained.CHECKPOINTS:\n    registry.open_model(name)\n"
        "list(Recipe(steps=2, seeds=(1,)).frames(registry.open_model('digits')))"
    )
    assert "torch" in loaded
    assert not [name for name in loaded if name.split(".")[0] == "sympy" or name.startswith(COMPILER)]
    assert len(loaded) < 2300


def test_the_first_screen_comes_without_torch() -> None:
    """Every page's module is loaded, and the first timeline is made if its recording is there."""
    imports = "from importlib import import_module\nfrom playground import preload\nfrom playground.streamlit_ui import home\n"
    imports += "from playground.labs.home.text import LABS\n"
    imports += "for lab in LABS:\n    import_module(f'playground.streamlit_ui.{lab[0]}')"
    loaded = _loaded(
        f"{imports}\nfrom playground.labs.home import view as start\n"
        "if start.RECORDING.exists():\n    assert start.first_timeline().to_message()\n    assert start.recipe_json()\n"
    )
    assert "streamlit" in loaded
    assert not loaded & {"torch", "torchvision", "diffusers", "gradio", "transformers"}


def test_the_gradio_app_is_built_without_torch() -> None:
    """All of its pages are drawn before it can be reached, so none of them may wait for torch."""
    loaded = _loaded("from playground.gradio_ui import launch\nlaunch.build(launch.parse([]))")
    assert "gradio" in loaded
    assert not loaded & {"torch", "torchvision", "diffusers", "streamlit", "transformers"}


def test_the_engine_loads_neither_pages_nor_what_takes_seconds() -> None:
    loaded = _loaded(
        "import engine.sampling, engine.runs.service, engine.recipes.recipe, engine.registry, engine.interop.pretrained"
    )
    assert "torch" in loaded
    assert not loaded & {"torchvision", "diffusers", "transformers", "streamlit", "gradio", "plotly"}


@pytest.mark.parametrize("folder", ["labs", "components", "browser", "policy", "serving"])
def test_what_both_front_ends_share_imports_neither(folder: str) -> None:
    files = list((ROOT / "playground" / folder).rglob("*.py"))
    assert files
    names = [".".join(file.relative_to(ROOT).with_suffix("").parts) for file in files if file.stem != "__init__"]
    assert not _loaded("".join(f"import {name}\n" for name in names)) & {"streamlit", "gradio"}


def test_no_file_of_the_playground_bears_the_name_of_a_library() -> None:
    """`streamlit run` puts playground/ first on the path: such a file would be imported in the library's place."""
    taken = sys.stdlib_module_names | {
        "torch",
        "numpy",
        "streamlit",
        "gradio",
        "plotly",
        "pydantic",
        "PIL",
        "diffusers",
    }
    assert not {entry.stem for entry in (ROOT / "playground").iterdir()} & taken
