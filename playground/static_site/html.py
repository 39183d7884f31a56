"""The HTML of the site: what stands on a page before a script has run."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping, Sequence

from engine.language import LANGUAGES, _, language
from playground.components.room import ROOM
from playground.course.view import ways_in
from playground.labs.home.view import lab_groups
from playground.static_site import pages
from playground.static_site.address import Place
from playground.static_site.page import Page

POLICY = (
    "default-src 'none'; script-src {scripts} 'wasm-unsafe-eval'; worker-src {files} blob:; connect-src {files}; "
    "style-src {files} 'unsafe-inline'; img-src {files} data: blob:; base-uri 'none'; form-action 'none'"
)
"""What a page may do: run its own scripts, and start workers of them. It asks nobody else for anything."""
COMMANDS = "pip install uv\nuv run streamlit run playground/app.py"


def document(title: str, body: str, *, head: str, scripts: str, files: str, about: Mapping[str, str]) -> str:
    """A whole file.

    Args:
        title: of the window.
        body: what stands in it.
        head: styles and scripts.
        scripts, files: where they may come from, in the words of a Content-Security-Policy; "" for nowhere.
        about: what src/shell.js reads: lab, base, first.
    """
    policy = " ".join(POLICY.format(scripts=scripts, files=files).replace("connect-src ;", "").split())
    told = "".join(f' data-{name}="{html.escape(value)}"' for name, value in about.items())
    return f"""<!doctype html>
<html lang="{language()}"{told}>
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<title>{html.escape(title)}</title>
<link rel="icon" href="data:,">
{head}</head>
<body>
{body}</body>
</html>
"""


def header(current: str, names: Sequence[str], place: Place, others: Mapping[str, str]) -> str:
    """The names of all pages, and the other languages.

    Args:
        current: name of the page.
        names: of the pages that there are.
        place: leads to a page.
        others: address of this page in other languages.
    """
    here = ' aria-current="page"'
    links = "".join(
        f'<a href="{html.escape(place(f"./{name}"))}" data-page="{name}"{here if name == current else ""}'
        f"{'' if name in pages.PAGES else ' data-elsewhere'}>{html.escape(pages.title(name))}</a>\n"
        for name in names
    )
    tongues = "".join(
        f'<a href="{html.escape(address)}" hreflang="{tag}" lang="{tag}" data-language="{tag}">{LANGUAGES[tag]}</a>\n'
        for tag, address in others.items()
    )
    return (
        f'<header class="site-header"><a class="site-skip" href="#content">{html.escape(_("To the content"))}</a>'
        f'<nav aria-label="{html.escape(_("Pages"))}">{links}</nav>{tongues}</header>\n'
    )


def article(page: Page, place: Place) -> str:
    """What stands in the page: its words, and room for controls and figure."""
    parts = [
        f'<h1 id="content" tabindex="-1">{html.escape(str(page.text.TITLE))}</h1>',
        _paragraph(page.text.LEAD, "site-lead"),
    ]
    if page.data is not None:
        parts.append(_lab(page))
    elif page.name not in pages.PAGES:
        parts.append(_elsewhere())
    heads = (_("See:"), _("Try:"), _("Why:"))
    parts += [
        _paragraph(f"**{head}** {line}", "dp-looking-at") for head, line in zip(heads, page.looking_at, strict=False)
    ]
    parts += [_paragraph(line, "dp-looking-at") for line in page.looking_at[len(heads) :]]
    if not page.name:
        parts.append(_cards(place))
    return (
        "\n".join(parts)
        + f'\n<noscript><p class="site-notice">{html.escape(_("This page needs JavaScript."))}</p></noscript>\n'
    )


def _lab(page: Page) -> str:
    settings = (
        f'<details class="site-settings"><summary>{html.escape(_("Settings"))}</summary></details>'
        if page.controls is not None
        else ""
    )
    desk, phone = ROOM.get(f"{page.name or 'start'}-timeline", (900, 900))
    figure = f'<div class="site-figure dp-component" style="--desk: {desk}px; --phone: {phone}px"></div>'
    return f'<div class="site-notices"></div>\n<div class="site-lab">{settings}{figure}</div>'


def _elsewhere() -> str:
    why = _(
        "This lab trains or measures networks, which needs Python. In a lesson, its steps can be skipped. To have it on your "
        "own machine, with everything else: get the project, and run the two lines below in its folder. Its README says more."
    )
    return f'{_paragraph(why, "site-notice")}\n<pre>{COMMANDS}</pre>\n<div class="site-notices"></div>'


def _cards(place: Place) -> str:
    """The course and the labs, each with a line about it."""
    links = [ways_in()[0], *(lab for _group, labs in lab_groups() for lab in labs)]
    cards = "".join(
        f'<li><a href="{html.escape(place(f"./{link.address}"))}">{link.icon} {html.escape(link.title)}</a>'
        f"<p>{html.escape(link.about)}{'' if link.address in pages.PAGES else ' ' + html.escape(_('Needs Python.'))}</p></li>"
        for link in links
    )
    return f'<ul class="site-cards">{cards}</ul>'


def _paragraph(text: object, name: str) -> str:
    """A text, whose **words** may be bold."""
    marked = re.sub(r"[*][*](.+?)[*][*]", r"<b>\1</b>", html.escape(str(text)))
    return f'<p class="{name}">{marked}</p>'
