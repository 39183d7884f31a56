"""Writes the site into a folder. All addresses in it are relative: it opens from the folder, or from any web server."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

from engine.language import ENGLISH, LANGUAGES, speaking
from engine.storage.files import atomic_files
from playground.components import source
from playground.labs.schedules import figures
from playground.labs.shared import symbols
from playground.static_site import course, html, pages
from playground.static_site.address import in_folder
from playground.static_site.page import Packing, Page
from playground.static_site.stored import as_script, packed_json

HERE = Path(__file__).parent
TAGS = (ENGLISH, *(tag for tag in LANGUAGES if tag != ENGLISH))


def build(folder: Path, tags: Sequence[str] = TAGS) -> None:
    """Write the site.

    Args:
        folder: of the site; what is in it besides stays.
        tags: of its languages; the first one stands in the folder itself, others in one of their own.

    Raises:
        OSError: where the folder cannot be written.
    """
    with atomic_files(folder) as part:
        shared: dict[str, Packing] = {}
        for tag in tags:
            with speaking(tag):
                shared |= _write_language(part, tag, tags)
        _write_stored(part / "data", shared)
        _write(part / "site.css", style())
        _write_service_worker(part)


def style() -> str:
    """Of all pages."""
    of_schedules = Path(figures.__file__).with_suffix(".css")
    return source.css() + "".join(path.read_text(encoding="utf-8") for path in (of_schedules, HERE / "site.css"))


def script() -> str:
    """What runs on every page, in the language that is spoken now."""
    modules = source.with_texts(source.bundle("shell", HERE / "src", "start"))
    return source.with_symbols(modules, symbols.table()) + "\nstart();\n"


def _write_language(folder: Path, tag: str, tags: Sequence[str]) -> dict[str, Packing]:
    """The pages of a language; returns what they need that is the same in all."""
    base = "" if tag == tags[0] else "../"
    spoken: dict[str, Packing] = {"lessons": lambda: course.rails(in_folder)}
    shared: dict[str, Packing] = {}
    for name in pages.NAMES:
        page = pages.page(name, in_folder)
        others = {one: base + _folder_of(one, tags) + in_folder(f"./{name}") for one in tags if one != tag}
        header, article = html.header(name, pages.NAMES, in_folder, others), html.article(page, in_folder)
        body = f'{header}<div id="course-rail"></div>\n<main>\n{article}</main>\n'
        head = f'<link rel="stylesheet" href="{base}site.css">\n<script defer src="{base}scripts/{tag}.js"></script>\n'
        about = {"lab": name, "base": base}
        whole = html.document(str(page.text.TITLE), body, head=head, scripts="'self'", files="'self'", about=about)
        _write(folder / _folder_of(tag, tags) / in_folder(f"./{name}"), whole)
        spoken |= {f"page-{name or 'start'}": payload(page), **page.spoken}
        shared |= page.needs
    _write_stored(folder / "data", {f"{tag}/{name}": make for name, make in spoken.items()})
    _write(folder / "scripts" / f"{tag}.js", script())
    return shared


def _write_service_worker(folder: Path) -> None:
    """What keeps all files of the site in the browser; its version is their hash, so that a new site is seen."""
    digest = hashlib.sha256()
    names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    for name in names:
        digest.update(name.encode() + (folder / name).read_bytes())
    files = ["./", *names]  # the folder itself is its index.html
    bundle = source.bundle("service_worker", HERE / "src", "serve")
    _write(folder / "service_worker.js", f"{bundle}\nserve(self, {digest.hexdigest()!r}, {json.dumps(files)});\n")


def payload(page: Page) -> Packing:
    """What src/shell.js reads of it."""
    return lambda: packed_json(page.to_payload())


def _folder_of(tag: str, tags: Sequence[str]) -> str:
    return "" if tag == tags[0] else f"{tag}/"


def _write_stored(folder: Path, items: dict[str, Packing]) -> None:
    for name, make in items.items():
        _write(folder / f"{name}.js", as_script(name, make()))


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
