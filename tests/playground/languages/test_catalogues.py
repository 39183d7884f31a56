"""The catalogues hold every text that a reader may meet, and every text of the pages is marked for them."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog

from playground.languages.__main__ import OTHERS, faults, read
from playground.languages.extraction import MARKS, ROOT, template

PAGES = ("labs", "streamlit_ui", "gradio_ui", "policy")
SENTENCE = re.compile(r"[A-Za-z]{2,},? [a-z]{2,},? [a-z]{2,}")
"""Three words in a row."""
NO_TEXT = re.compile(
    r"^(?![^{}]*[a-z%]\.$)[\s\S]*[{};]\s*[\w-]+\s*:|=>|\bconst\b|querySelector|<\w+ [\w-]+=|^\s*[.#@]|^training/"
    r"|^A preparation ended| et al\. 20\d\d"
)
"""Style, scripts, elements with attributes, keys of sessions, what goes into the log, and where a paper says it."""
NO_SENTENCES = {"TERMS", "FACTS", "head", "rows"}
"""Names of the glossary, what those who write lessons read, and headers of CSV files."""
OF_PROGRAMS = {"compat.py", "api.py", "api_training.py", "api_recipes.py", "api_errors.py", "options.py", "launch.py"}
"""Files whose texts are for programs, for the shell, or say how Gradio has changed."""


@pytest.mark.parametrize("tag", OTHERS)
def test_every_text_is_in_the_catalogue_with_its_values(tag: str) -> None:
    assert list(faults(read(tag), template())) == []


@pytest.mark.parametrize(
    ("english", "other", "found"),
    [
        ("{count} runs", "", "no translation"),
        ("{count} runs", "运行", "other values"),
        ("{count} runs", "{number} 次", "other values"),
        ("{loss:.4f}", "{loss:.2f}", "other values"),
        ("{count} runs", "{count} 次", ""),
    ],
)
def test_a_translation_that_does_not_fit_is_found(english: str, other: str, found: str) -> None:
    texts, catalog = Catalog(), Catalog(locale="zh")
    texts.add(english)
    catalog.add(english, other)
    problems = list(faults(catalog, texts))
    assert len(problems) == bool(found)
    assert all(found in problem for problem in problems)


def test_texts_that_are_gone_or_unsure_are_found() -> None:
    texts, catalog = Catalog(), Catalog(locale="zh")
    texts.add("Stop")
    catalog.add("Stop", "停止", flags=["fuzzy"])
    catalog.add("Halt", "停")
    assert [problem.split(":")[0] for problem in faults(catalog, texts)] == ["unsure", "no text any more"]


def _files() -> list[Path]:
    found = [path for room in PAGES for path in sorted((ROOT / "playground" / room).rglob("*.py"))]
    assert len(found) > 100
    return found


def test_every_sentence_of_the_pages_is_marked() -> None:
    in_models = template()  # titles of settings stand in no call
    forgotten = [
        f"{path.relative_to(ROOT)}:{line}: {text[:80]}"
        for path in _files()
        if path.name not in OF_PROGRAMS
        for line, text in _unmarked(ast.parse(path.read_text(encoding="utf-8")), in_models)
    ]
    assert forgotten == []


def _unmarked(tree: ast.Module, in_models: Catalog) -> Iterator[tuple[int, str]]:
    """Sentences that are no docstring, no argument of a mark, and no title or help of a setting, which models are asked for."""
    known = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func) in (*MARKS, "like", "setting"):
            known |= {id(part) for argument in (*node.args, *node.keywords) for part in ast.walk(argument)}
        if isinstance(node, ast.Dict):
            known |= {id(key) for key in node.keys}
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) in NO_SENTENCES:
            known |= {id(part) for part in ast.walk(node.value)}
        if isinstance(node, ast.FunctionDef) and "table" in node.name:
            known |= {id(part) for part in ast.walk(node)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in known:
            text = node.value
            if SENTENCE.search(text) and not NO_TEXT.search(text) and text not in in_models:
                yield node.lineno, text


def test_every_sentence_of_the_engines_errors_is_marked() -> None:
    found = list(_errors_unmarked())
    assert [one for one in found if one[1] not in FOR_PROGRAMMERS] == []
    assert {text for _, text in found} == FOR_PROGRAMMERS


ROOMS = ("data", "doctor", "interop", "models", "recipes", "runs", "storage", "training", "registry.py")
"""Of the engine: those whose errors a page may show."""
BUILT_IN = {"TypeError", "KeyError", "RuntimeError", "AttributeError", "TimeoutError", "PydanticCustomError"}
"""Errors that no reader meets, and that of a check whose words `engine.storage.checked_files` says again."""
TWO_WORDS = re.compile(r"[A-Za-z]{2,},? [a-z]{2,}")
FOR_PROGRAMMERS = {
    "size must be at least 1 and channels 1 or 3, got ",
    "expected uint8 (N, H, W, C), got ",
    "diffusers does not know this prediction target.",
    "no text",
    "expected uint8 ",
    "numpy's header takes ",
    " bytes, not ",
    "These are not the losses of this schedule's steps.",
    "Losses must be finite and counts not negative.",
    "There is no weighting for ",
}
"""Of wrong calls, and caught before anybody reads them."""


def _errors_unmarked() -> Iterator[tuple[str, str]]:
    """Where an error is made with a text that is no argument of a mark, and the text."""
    for room in ROOMS:
        for path in sorted((ROOT / "engine" / room).rglob("*.py")) or [ROOT / "engine" / room]:
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                made = ast.unparse(node.func).rpartition(".")[2] if isinstance(node, ast.Call) else ""
                if made.endswith("Error") and made not in BUILT_IN:
                    assert isinstance(node, ast.Call)
                    place = f"{path.relative_to(ROOT)}:{node.lineno}"
                    yield from ((place, text) for text in _bare(node.args) if TWO_WORDS.search(text))


def _bare(nodes: list[ast.expr]) -> Iterator[str]:
    """Texts in these expressions, but not those in calls of a mark."""
    for node in nodes:
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value
        elif not (isinstance(node, ast.Call) and ast.unparse(node.func) in MARKS):
            yield from _bare([child for child in ast.iter_child_nodes(node) if isinstance(child, ast.expr)])


@pytest.mark.parametrize("package", ["engine", "playground"])
def test_no_function_that_says_something_has_another_meaning_for_the_mark(package: str) -> None:
    """`_` is also the name of what is not needed: a function that binds it cannot call it."""
    doubtful = [
        f"{path.relative_to(ROOT)}:{function.lineno}"
        for path in sorted((ROOT / package).rglob("*.py"))
        for function in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(
            function, ast.FunctionDef | ast.Lambda | ast.ListComp | ast.GeneratorExp | ast.DictComp | ast.SetComp
        )
        and _binds(function)
        and any(
            isinstance(one, ast.Call) and isinstance(one.func, ast.Name) and one.func.id == "_"
            for one in ast.walk(function)
        )
    ]
    assert doubtful == []


INNER = (ast.FunctionDef, ast.Lambda, ast.ListComp, ast.GeneratorExp, ast.DictComp, ast.SetComp, ast.ClassDef)


def _binds(function: ast.AST) -> bool:
    """Whether the scope itself, without those within, binds `_`."""
    waiting = list(ast.iter_child_nodes(function))
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.arg) and node.arg == "_":
            return True
        if isinstance(node, ast.Name) and node.id == "_" and isinstance(node.ctx, ast.Store):
            return True
        if not isinstance(node, INNER):
            waiting += ast.iter_child_nodes(node)
    return False


def test_no_script_has_another_meaning_for_the_mark() -> None:
    sources = sorted((ROOT / "playground" / "components" / "src").glob("*.js"))
    assert len(sources) > 40
    bound = re.compile(r"[(,]\s*_\s*[,)](?=[^\n]*=>)|\b_ =>|(?:const|let) _\b")
    assert [path.name for path in sources if bound.search(path.read_text(encoding="utf-8"))] == []
