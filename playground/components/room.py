"""Room that is kept free for each figure until it is drawn, so that nothing moves when it comes; alike in both front ends."""

from __future__ import annotations

from collections.abc import Callable

ROOM = {
    "start-timeline": (338, 415),
    "forward-timeline": (1237, 2260),
    "schedules-strips": (230, 250),
    "schedules-timeline": (1043, 1739),
    "sampling-in-browser": (40, 40),
    "sampling-timeline": (729, 1171),
    "guidance-in-browser": (40, 40),
    "guidance-timeline": (681, 545),
    "guidance-timeline-sweep": (681, 545),
    "likelihood-results": (1400, 1700),
    "likelihood-bars": (426, 495),
    "likelihood-trade": (393, 412),
    "likelihood-interpolation": (471, 762),
    "points-stage": (560, 1183),
    "points-step": (92, 136),
    "xray-inside": (934, 3155),
    "microscope-bench": (826, 1249),
    "microscope-errors": (391, 470),
    "training-previews": (270, 270),
    "training-compared-samples": (400, 400),
    "recorder-map": (782, 902),
}
"""Pixels that a figure takes with the settings of a first visit, on a screen of 1280 and on a phone of 390."""

RELEASE = """
const release = (root, place) => {
  let rest;
  // The first pictures are decoded before they stand there. What is smaller than its room leaves no gap afterwards.
  const watch = new ResizeObserver(() => {
    clearTimeout(rest);
    if (root.offsetHeight < (root.dataset.least ?? 90)) return;
    rest = setTimeout(() => { place.classList.add("dp-settled"); watch.disconnect(); }, 1000);
  });
  watch.observe(root);
};
"""
"""JavaScript: `release(root, place)` gives the room back once `root` is drawn and rests; `place` stands within the room."""


def spacer(name: str) -> str:
    """An element as high as the room of this figure, where it is not known yet which figure stands there."""
    desk, phone = ROOM[name]
    return f'<div style="height: clamp({min(desk, phone)}px, 100vh, {max(desk, phone)}px)"></div>'


def css(selector: Callable[[str], str]) -> str:
    """The style that keeps it.

    Args:
        selector: of the element that holds a figure in this front end, by the figure's name.
    """

    def rules(pixels: Callable[[tuple[int, int]], int]) -> str:
        return "".join(
            f"{selector(name)}:not(:has(.dp-settled)) {{ min-height: {pixels(heights)}px; }}\n"
            for name, heights in ROOM.items()
        )

    desk, phone = rules(lambda heights: heights[0]), rules(lambda heights: heights[1])
    return f"{rules(min)}@media (min-width: 1000px) {{\n{desk}}}\n@media (max-width: 640px) {{\n{phone}}}\n"
