"""A lesson on paper: its steps with their questions, to be printed, with or without the answers."""

from __future__ import annotations

import html
from collections.abc import Iterator

from engine.language import _
from playground.course import text
from playground.course.view import Rail, RailQuestion, RailStep

STYLE = """
.dp-worksheet { max-width: 44rem; margin: 0 auto; font: 11pt/1.45 system-ui, "Noto Sans CJK SC", sans-serif; }
.dp-worksheet h1 { font-size: 1.5em; margin: 0 0 0.2em; }
.dp-worksheet header p { margin: 0.2em 0 0.8em; }
.dp-worksheet .who { display: flex; gap: 2em; }
.dp-worksheet .who span { flex: 1; border-bottom: 1px solid; padding-top: 1.2em; }
.dp-worksheet section { break-inside: avoid; margin: 1.1em 0; }
.dp-worksheet h2 { font-size: 1em; margin: 0 0 0.2em; }
.dp-worksheet p { margin: 0.3em 0; }
.dp-worksheet ul { list-style: none; margin: 0.3em 0; padding: 0; }
.dp-worksheet li::before { content: "☐  "; }
.dp-worksheet li.right::before { content: "☒  "; }
.dp-worksheet li.right { font-weight: 600; }
.dp-worksheet .order li::before { content: "___  "; }
.dp-worksheet .answer { border-inline-start: 3px solid; padding-inline-start: 0.6em; }
.dp-worksheet .line { border-bottom: 1px solid #999; height: 1.9em; }
@media print { @page { margin: 18mm; } .dp-screen { display: none; } }
"""
ASKED = ("ask", "explain", "check")
"""Kinds of steps that have something to write; of the others the worksheet has what to do."""


def worksheet(lesson: Rail, *, answers: bool) -> str:
    """The sheet as HTML.

    Args:
        lesson: as the rail shows it, in the language that is spoken now.
        answers: with the answers, for the teacher.
    """
    steps = [step for step in lesson.steps if step.kind != "see" or answers]
    parts = [
        f"<section><h2>{number}. {html.escape(text.KINDS[step.kind])}</h2><p>{step.text}</p>"
        f"{''.join(_asked(step, answers))}</section>"
        for number, step in enumerate(steps, 1)
    ]
    title = html.escape(_("Lesson {number}: {title}", number=lesson.number, title=lesson.title))
    who = f'<div class="who"><span>{html.escape(_("Your name"))}</span><span>{html.escape(_("Date"))}</span></div>'
    return (
        f'<article class="dp-worksheet"><header><h1>{title}</h1><p>{lesson.goal}</p>{"" if answers else who}</header>'
        f"{''.join(parts)}</article>"
    )


def _asked(step: RailStep, answers: bool) -> Iterator[str]:
    for question in step.questions:
        yield f"<p>{question.text}</p>" if question.text != step.text else ""
        yield from _question(question, answers)
    if step.kind == "explain":
        yield f'<p class="answer">{step.model}</p>' if answers else '<div class="line"></div>' * 4


def _question(question: RailQuestion, answers: bool) -> Iterator[str]:
    if question.choices:
        right = [' class="right"' if choice.right and answers else "" for choice in question.choices]
        lines = [f"<li{mark}>{choice.text}</li>" for mark, choice in zip(right, question.choices, strict=True)]
        yield f"<ul>{''.join(lines)}</ul>"
        reasons = [choice.why for choice in question.choices if choice.right]
    elif question.number is not None:
        number = question.number
        given = f"{number.answer:g}" if answers else "________"
        unit = f" {html.escape(number.unit)}" if number.unit else ""
        yield f"<p>{given}{unit} ({number.low:g} … {number.high:g})</p>"
        reasons = [number.why]
    else:
        order = question.order
        assert order is not None
        # In an order of its own that is no answer: by the texts.
        items = order.items if answers else sorted(order.items)
        lines = [f"<li>{f'{k}. ' if answers else ''}{item}</li>" for k, item in enumerate(items, 1)]
        yield f'<ul class="{"" if answers else "order"}">{"".join(lines)}</ul>'
        reasons = [order.why]
    if answers:
        yield from (f'<p class="answer">{why}</p>' for why in reasons if why)
