"""The pages of a class that are no lab: the teacher's, the projector's, and a lesson's worksheet. Each is one HTML text."""

from __future__ import annotations

import html
import json
import secrets

from starlette.responses import HTMLResponse, Response

from engine.language import _, language
from playground.classroom import text, worksheet
from playground.classroom.requests import Opening
from playground.classroom.view import ClassPage
from playground.components import source
from playground.course import view as course_view

PAGES = {"teacher": "class_teacher", "projector": "class_projector"}
"""The component of each page."""
STYLE = """
body { margin: 0; font-family: system-ui, sans-serif; color-scheme: light dark;
  color: light-dark(#1c1c28, #ececf4); background: light-dark(#ffffff, #12131a);
  --st-text-color: light-dark(#1c1c28, #ececf4); --st-background-color: light-dark(#ffffff, #12131a); }
main { padding: 16px 24px; }
"""
START = """mount(document.getElementById("class"), () => {}).update(JSON.parse(document.getElementById("payload").textContent));
"""
NONCE = "NONCE-OF-THIS-ANSWER"
"""Stands for what lets the page's own script run, and no other."""


def page(name: str, code: str, opening: Opening, home: str) -> Response:
    """The page of that name, which asks for what it shows with the secret behind its "#"."""
    if name not in PAGES:
        return problem(_("There is nothing here."))
    lesson = course_view.rail(str(opening.lesson)) if opening.lesson is not None else None
    title = opening.title or (_(lesson.title) if lesson else _(text.LAB_CLASS))
    payload = json.dumps(ClassPage(code, lesson, title, home).to_payload(), ensure_ascii=False).replace("<", "\\u003c")
    script = source.script(PAGES[name]).replace("</", "<\\/")
    body = (
        f'<main id="class"></main>\n<script type="application/json" id="payload">{payload}</script>\n'
        f'<script type="module" nonce="{NONCE}">\n{script}\n{START}</script>'
    )
    return _html(title, body, source.css() + STYLE)


def sheet(number: str, *, answers: bool) -> Response:
    """The worksheet of a lesson."""
    lesson = course_view.rail(number)
    if lesson is None:
        return problem(_("There is no lesson {number}.", number=number[:10]))
    name = _("Lesson {number}: {title}", number=lesson.number, title=lesson.title)
    return _html(name, worksheet.worksheet(lesson, answers=answers), worksheet.STYLE)


def problem(sentence: str) -> Response:
    """A page with nothing but a sentence."""
    body = f'<main><h1>{html.escape(sentence)}</h1><p><a href="..">{html.escape(_(text.START))}</a></p></main>'
    return _html(sentence, body, STYLE, status=404)


def _html(title: str, body: str, style: str, *, status: int = 200) -> Response:
    nonce = secrets.token_urlsafe(16)
    text = f"""<!doctype html>
<html lang="{language()}">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{html.escape(title)}</title>
<style>{style}</style>
{body.replace(NONCE, nonce, 1)}
</html>
"""
    policy = (
        f"default-src 'none'; script-src 'nonce-{nonce}'; style-src 'unsafe-inline'; img-src 'self' data: blob:; "
        "connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
    )
    headers = {"Content-Security-Policy": policy, "Referrer-Policy": "no-referrer", "Cache-Control": "no-store"}
    return HTMLResponse(text, status, headers)
