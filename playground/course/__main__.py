"""python -m playground.course: compute the numbers of all lessons and write them to lessons/computed.json."""

from __future__ import annotations

from engine.storage.files import write_json
from playground.course.answers import ANSWERS
from playground.course.lesson import COMPUTED, Lesson, lessons


def compute(lesson: Lesson) -> dict[str, float]:
    """The numbers of a lesson, by their names."""
    return {name: ANSWERS[fact.compute](**fact.arguments) for name, fact in lesson.facts.items()}


if __name__ == "__main__":
    write_json(COMPUTED, {str(number): compute(lesson) for number, lesson in lessons().items()})
