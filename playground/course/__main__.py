"""python -m playground.course: compute the numbers of all lessons and write them to lessons/computed.json."""

from __future__ import annotations

import json

from playground.course.answers import ANSWERS
from playground.course.lesson import COMPUTED, lessons


def compute() -> dict[str, dict[str, float]]:
    """The numbers of each lesson, by its number."""
    return {
        str(lesson.number): {name: ANSWERS[fact.compute](**fact.arguments) for name, fact in lesson.facts.items()}
        for lesson in lessons().values()
    }


if __name__ == "__main__":
    COMPUTED.write_text(json.dumps(compute(), indent=1) + "\n", encoding="utf-8")
