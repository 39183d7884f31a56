"""Gradio is imported without its stub files being written, and is whole afterwards."""

from __future__ import annotations

import subprocess
import sys


def test_no_component_is_parsed() -> None:
    program = """
import ast, inspect
def refuse(*_): raise AssertionError("the source of a component is read")
ast.get_source_segment = refuse
from playground.gradio_ui.quick_import import import_gradio
import_gradio()
import gradio
assert inspect.getfile(gradio.Slider).endswith("slider.py")
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
