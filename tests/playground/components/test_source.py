"""One text for each component from modules that keep to themselves, and the checks of the JavaScript where Node is there."""

from __future__ import annotations

import functools
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from engine.language import _, speaking
from playground.components import source

import payload_types

SOURCE = Path(source.__file__).parent / "src"
COMPONENTS = sorted(file.stem for file in SOURCE.glob("*.js") if "export function mount(" in file.read_text())
NODE = pytest.mark.skipif(shutil.which("node") is None, reason="Node is a tool of development only")


def modules(folder: Path, **texts: str) -> Path:
    for name, text in texts.items():
        (folder / f"{name}.js").write_text(text)
    return folder


def test_all_components_are_known() -> None:
    assert len(COMPONENTS) == 24
    assert {"timeline", "livechart", "curve_editor", "xray"} <= set(COMPONENTS)


@pytest.mark.parametrize("name", COMPONENTS)
def test_a_component_is_one_module_without_comments(name: str) -> None:
    text = source.javascript(name)
    assert text.count("export ") == 1
    assert text.endswith("export { mount };\n")
    assert not re.search(r"^\s*(import|//|/\*)", text, re.MULTILINE)
    assert "/**" not in text


@pytest.mark.parametrize("name", COMPONENTS)
def test_nothing_is_fetched_from_elsewhere(name: str) -> None:
    for text in (source.css(), source.javascript(name)):
        for word in ("@import", "url(", "fetch(", "XMLHttpRequest", "innerHTML", "https://", "eval("):
            # A drawing refers to its own parts, weights lie where the page's own server has named, and a class is on it.
            known = ("url(#", "await fetch(url, { cache", "await fetch(url, { method", "$http://playground/")
            assert word not in functools.reduce(lambda left, one: left.replace(one, ""), known, text)


def test_no_text_of_a_module_could_be_taken_for_a_comment_or_an_import() -> None:
    for file in SOURCE.parents[1].glob("*/src/*.js"):
        for line in file.read_text().splitlines():
            assert line.count("`") % 2 == 0, f"{file.name}: a template literal over several lines: {line}"


@NODE
def test_two_modules_may_use_the_same_names(tmp_path: Path) -> None:
    modules(
        tmp_path,
        a="const size = 2;\nexport const double = (x) => size * x;\n",
        b='import { double as twice } from "./a.js";\nconst size = 5;\nfunction help() {\n  return size;\n}\n'
        "// export nothing\nexport function five() {\n  return twice(help());\n}\n",
        main='import { double } from "./a.js";\nimport {\n  five,\n} from "./b.js";\n/** @param {number} size */\n'
        "export function mount(size) {\n  return double(size) + five();\n}\n",
    )
    text = source.bundle("main", tmp_path)
    assert text.count("const a_js") == 1
    shown = subprocess.run(["node", "-e", f"{text}\nconsole.log(mount(1))"], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "12"


@NODE
def test_a_module_of_another_folder_is_imported_by_its_path(tmp_path: Path) -> None:
    for folder in ("here", "there/src"):
        (tmp_path / folder).mkdir(parents=True)
    modules(
        tmp_path / "here", main='import { two } from "../there/src/far.js";\nexport const four = () => 2 * two();\n'
    )
    modules(tmp_path / "there" / "src", far='import { one } from "./near.js";\nexport const two = () => 2 * one;\n')
    modules(tmp_path / "there" / "src", near="export const one = 1;\n")
    text = source.bundle("main", tmp_path / "here", "four")
    shown = subprocess.run(["node", "-e", f"{text}\nconsole.log(four())"], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "4"
    modules(tmp_path / "here", near='import { two } from "../there/src/far.js";\nexport const mount = two;\n')
    with pytest.raises(ValueError, match=r"Two modules have the name near\.js"):
        source.bundle("near", tmp_path / "here")


def test_modules_that_cannot_be_bundled_say_why(tmp_path: Path) -> None:
    modules(
        tmp_path,
        a='import { b } from "./b.js";\nexport const a = 1;\n',
        b='import { c } from "./c.js";\nexport const b = 1;\n',
        c='import { a } from "./a.js";\nexport const c = 1;\n',
        wrong='import { nothing } from "./single.js";\nexport const mount = 1;\n',
        single="export const one = 1;\n",
        default="export default function mount() {}\n",
        star='import * as all from "./single.js";\nexport const mount = 1;\n',
    )
    for name, problem in {
        "a": "a → b → c → a",
        "wrong": "wrong.js imports nothing",
        "single": "does not export mount",
        "default": "export default",
        "star": r"import \* as all",
    }.items():
        with pytest.raises(ValueError, match=problem):
            source.bundle(name, tmp_path)


def test_the_types_of_payloads_are_those_of_the_dataclasses() -> None:
    written = payload_types.FILE.read_text(encoding="utf-8")
    assert written == payload_types.declarations(), "run python tests/payload_types.py"


@NODE
@pytest.mark.parametrize("name", COMPONENTS)
def test_a_component_parses(name: str, tmp_path: Path) -> None:
    file = tmp_path / "component.mjs"
    file.write_text(source.javascript(name), encoding="utf-8")
    subprocess.run(["node", "--check", str(file)], check=True)


@NODE
def test_the_units_of_the_components() -> None:
    files = sorted(str(file) for file in Path(__file__).parent.glob("*.test.mjs"))
    done = subprocess.run(["node", "--test", *files], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_a_component_carries_the_texts_of_the_language_that_is_spoken_and_no_others() -> None:
    english = source.script("timeline")
    with speaking("zh"):
        chinese, play = source.script("timeline"), _("Play")
        foreign = _("Query position: point here")  # of another component
    assert play in chinese
    assert play not in english
    assert foreign not in chinese
    assert "const TEXTS = {};" in english
