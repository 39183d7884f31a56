"""Packing pictures into sheets, and the payloads of the client-side components."""

from __future__ import annotations

import base64
import dataclasses
import io
import json
import math
import struct
from typing import Annotated, ClassVar

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from playground.components.payloads.chart import LiveChart, Series
from playground.components.payloads.curve import CurveEditor, check_points, curve_values, read_points
from playground.components.payloads.encoding import Inlined, MessagePayload, PackedBytes
from playground.components.payloads.packing import grid, grid_shape, nearest_index, pack, png
from playground.components.payloads.panels import CurvePanel, EquationPanel, HistogramPanel, Line
from playground.components.payloads.point_clouds import Cloud, PointClouds
from playground.components.payloads.timeline import Lane, Pick, Position, Timeline, read_pick

CURVE = ((0.0, 1.0), (0.2, 0.9), (0.5, 0.5), (0.8, 0.1), (1.0, 0.0))


def decode(file: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(file)))


def noise(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


@given(st.integers(1, 300), st.floats(0.2, 5))
def test_a_grid_holds_all_pictures_and_no_empty_row(n: int, ratio: float) -> None:
    rows, columns = grid_shape(n, ratio)
    assert rows * columns >= n > (rows - 1) * columns


@pytest.mark.parametrize(("n", "shape"), [(1, (1, 1)), (4, (2, 2)), (16, (4, 4)), (64, (8, 8)), (10, (3, 4))])
def test_square_grids(n: int, shape: tuple[int, int]) -> None:
    assert grid_shape(n) == shape


@given(st.integers(1, 20), st.integers(1, 9), st.integers(1, 9), st.sampled_from([1, 3]))
def test_every_picture_lies_in_its_cell(n: int, height: int, width: int, channels: int) -> None:
    pictures = noise(n, height, width, channels)
    tile = grid(pictures)
    rows, columns = grid_shape(n)
    assert tile.shape == (rows * height, columns * width, channels)
    for k in range(n):
        r, c = divmod(k, columns)
        assert np.array_equal(tile[r * height : (r + 1) * height, c * width : (c + 1) * width], pictures[k])


@given(st.integers(1, 30), st.integers(1, 12), st.integers(1, 12), st.sampled_from([1, 3]), st.integers(12, 40))
def test_packing_loses_nothing(n: int, height: int, width: int, channels: int, side: int) -> None:
    tiles = [noise(height, width, channels, seed=k) for k in range(n)]
    sheets = pack(tiles, first=5, max_side=side)
    assert sheets.count == n
    assert sheets.sheets[0].first == 5
    for sheet in sheets.sheets:
        image = decode(sheet.png)
        assert image.ndim == (2 if channels == 1 else 3)
        assert max(image.shape[:2]) <= side
        image = image.reshape(*image.shape[:2], channels)
        for k in range(sheet.count):
            y, x = k // sheets.columns * height, k % sheets.columns * width
            assert np.array_equal(image[y : y + height, x : x + width], tiles[sheet.first - 5 + k])


def test_png_keeps_flat_and_noisy_pictures() -> None:
    flat = np.zeros((200, 300, 3), np.uint8)
    flat[20:60, 30:90] = 200
    for picture in (flat, noise(200, 300, 3)):
        assert np.array_equal(np.asarray(Image.open(io.BytesIO(png(picture)))), picture)
    assert len(png(flat)) < 5_000


def test_a_thousand_tiles_make_a_sheet_about_square() -> None:
    sheets = pack([noise(32, 32, 3)] * 1001)
    image = decode(sheets.sheets[0].png)
    assert len(sheets.sheets) == 1
    assert 0.9 < image.shape[0] / image.shape[1] < 1.1


@pytest.mark.parametrize(
    "tiles",
    [
        [],
        [np.zeros((4, 4), np.float32)],
        [np.zeros((4, 4, 2), np.uint8)],
        [np.zeros((4, 4), np.uint8), np.zeros((5, 4), np.uint8)],
        [np.zeros((9, 9), np.uint8)],
    ],
)
def test_tiles_that_cannot_be_packed(tiles: list[np.ndarray]) -> None:
    with pytest.raises(ValueError, match=r"tile|Tile"):
        pack(tiles, max_side=8)


@given(st.lists(st.integers(0, 1000), min_size=1, max_size=40), st.lists(st.integers(0, 1000), min_size=1, max_size=40))
def test_the_nearest_tile_is_nearest(positions: list[int], times: list[int]) -> None:
    for t, k in zip(positions, nearest_index(positions, times), strict=True):
        assert abs(times[k] - t) == min(abs(other - t) for other in times)


def make(n: int = 5, first: int = 0, **more: object) -> Timeline:
    lane = Lane.of_pictures("x", "<i>x</i><sub>t</sub>", noise(n, 4, 6, 6), first=first)
    positions = tuple(Position(first + i, f"t = {first + i}") for i in range(n))
    return Timeline("id", (lane,), positions, first=first, **more)


def test_a_payload_is_json_without_nan() -> None:
    t = np.arange(5)
    y = np.array([0.0, 1.0, np.nan, np.inf, 2.0])
    panels = (
        HistogramPanel("h", "x", "y", np.linspace(0, 1, 4), np.full((5, 3), np.nan), Line("N(0, 1)", t, y)),
        CurvePanel("c", "t", "", (Line("a", t, y),), t, log_y=True),
        EquationPanel("e", "{a}", {"a": list("abcde")}),
    )
    payload = make(panels=panels, captions=tuple("abcde")).to_payload()
    text = json.dumps(payload, allow_nan=False)
    assert json.loads(text)["panels"][1]["lines"][0]["y"] == [0, 1, None, None, 2]
    assert payload["lanes"][0]["grid"] == [2, 2]
    packed = payload["panels"][0]["density"]
    assert np.frombuffer(base64.b64decode(packed["f32"]), "<f4").reshape(packed["shape"]).shape == (5, 3)


def test_a_live_payload_carries_only_what_is_new() -> None:
    payload = make(n=2, first=3, live=True, total=10).to_payload()
    assert payload["lanes"][0]["index"] == [3, 4]
    assert payload["lanes"][0]["sheets"][0]["first"] == 3
    assert (payload["first"], payload["total"]) == (3, 10)


def test_a_message_holds_the_payload_and_its_stamp_follows_the_pixels() -> None:
    timeline = make()
    message = timeline.to_message()
    (length,) = struct.unpack_from("<I", message, 16)
    payload = json.loads(message[20 : 20 + length])
    whole = timeline.to_payload()
    for lane, other in zip(payload["lanes"], whole["lanes"], strict=True):
        for sheet, same in zip(lane["sheets"], other["sheets"], strict=True):
            begin, size = sheet["png"]["file"]
            file = message[20 + length + begin :][:size]
            assert same["png"] == "data:image/png;base64," + base64.b64encode(file).decode()
            sheet["png"] = same["png"]
    assert payload == whole
    assert make().to_message() == message
    pictures = noise(5, 4, 6, 6)
    pictures[3, 2, 1, 1] ^= 1
    changed = dataclasses.replace(timeline, lanes=(Lane.of_pictures("x", timeline.lanes[0].title, pictures),))
    assert changed.to_message()[:16] != message[:16]


@pytest.mark.parametrize(
    "more",
    [
        {"first": 2},
        {"live": True, "total": 3},
        {"captions": ("one",)},
        {"fps": 0.0},
        {"panels": (CurvePanel("c", "t", "", (), np.arange(3)),)},
    ],
)
def test_a_timeline_that_does_not_fit_together(more: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"."):
        make(**more)


def test_a_lane_that_points_at_no_tile() -> None:
    lane = Lane.of_pictures("x", "x", noise(2, 1, 4, 4), index=[0, 1, 2])
    with pytest.raises(ValueError, match="does not have"):
        Timeline("id", (lane,), tuple(Position(i, "") for i in range(3)))


@given(st.integers(2, 5000))
def test_a_long_series_keeps_its_ends(n: int) -> None:
    series = Series("s", np.arange(n), np.arange(n) ** 2, low=np.arange(n), high=np.arange(n)).downsampled(400)
    assert len(series.x) == min(n, 400)
    assert (series.x[0], series.x[-1]) == (0, n - 1)
    assert np.array_equal(np.asarray(series.y), np.asarray(series.x) ** 2)
    json.dumps(LiveChart("t", "x", "y", (series,)).to_payload(), allow_nan=False)


@st.composite
def falling(draw: st.DrawFn) -> tuple[tuple[float, float], ...]:
    inner = sorted(draw(st.sets(st.integers(1, 99), min_size=1, max_size=10)))
    heights = sorted(draw(st.lists(st.floats(0, 1), min_size=len(inner) + 1, max_size=len(inner) + 1)), reverse=True)
    return ((0.0, 1.0), *((x / 100, y) for x, y in zip([*inner, 100], heights, strict=True)))


@given(falling())
def test_a_drawn_curve_falls_and_meets_its_points(points: tuple[tuple[float, float], ...]) -> None:
    y = curve_values(points, np.linspace(0, 1, 1001))
    assert np.all(np.diff(y) <= 1e-12)
    assert y.min() >= -1e-12
    assert y.max() <= 1 + 1e-12
    np.testing.assert_allclose(curve_values(points, [x for x, _ in points]), [y for _, y in points], atol=1e-12)


@pytest.mark.parametrize(
    "points",
    [
        ((0, 1), (1, 0)),
        ((0, 0.9), (0.5, 0.5), (1, 0)),
        ((0, 1), (0.5, 0.5), (0.9, 0)),
        ((0, 1), (0.5, 0.5), (1, 0.6)),
        ((0, 1), (0.5, 0.5), (0.5, 0.4), (1, 0)),
        ((0, 1), (0.5, math.nan), (1, 0)),
        tuple((k / 12, 1 - k / 12) for k in range(13)),
    ],
)
def test_curves_that_are_refused(points: tuple[tuple[float, float], ...]) -> None:
    with pytest.raises(ValueError, match=r"[.]$"):
        check_points(points)


def test_an_edit_belongs_to_the_points_it_began_with() -> None:
    assert CurveEditor(CURVE).base == CurveEditor(CURVE).base
    assert CurveEditor(CURVE).base != CurveEditor(((0.0, 1.0), (0.5, 0.5), (1.0, 0.0))).base


def test_arrays_travel_in_a_message_and_nowhere_else() -> None:
    x = np.arange(12, dtype=np.float32).reshape(2, 3, 2)
    clouds = PointClouds("id", (Cloud("A", "", x, (0.0, 1.0)),), (Position(1, ""), Position(0, "")), x[0])
    message = clouds.to_message()
    (length,) = struct.unpack_from("<I", message, 16)
    packed = json.loads(message[20 : 20 + length])["clouds"][0]["x"]
    values = np.frombuffer(message[20 + length + packed["at"] :], "<f4", count=12)
    np.testing.assert_array_equal(values.reshape(packed["shape"]), x)
    changed = dataclasses.replace(clouds, data=x[0] + 1)
    assert changed.to_message()[:16] != message[:16]
    with pytest.raises(ValueError, match="only a message"):
        clouds.to_payload()


@dataclasses.dataclass(frozen=True)
class Inner:
    a: int


@dataclasses.dataclass(frozen=True)
class Outer(MessagePayload):
    computed: ClassVar[tuple[str, ...]] = ("twice",)

    inner: Annotated[Inner, Inlined]
    pixels: PackedBytes | None = None

    @property
    def twice(self) -> int:
        return 2 * self.inner.a


def test_fields_travel_by_their_annotations() -> None:
    assert Outer(Inner(3)).to_payload() == {"a": 3, "pixels": None, "twice": 6}
    pixels = np.array([[1, 255]], np.uint8)
    assert Outer(Inner(3), pixels).to_payload()["pixels"] == {
        "shape": [1, 2],
        "u8": base64.b64encode(b"\x01\xff").decode(),
    }


@pytest.mark.parametrize(
    "value", [None, 3, {}, {"points": 1}, {"points": [1, 2, 3]}, {"points": [[0, "x"], [1, 2], [1, 0]]}]
)
def test_what_is_no_curve_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match=r"[.]$"):
        read_points(value)


def test_a_pick_belongs_to_its_timeline() -> None:
    value = {"id": "a", "lane": "x0", "picture": 3, "position": 7}
    assert read_pick(value, "a") == Pick("x0", 3, 7)
    for other in (None, 3, {**value, "id": "b"}, {**value, "picture": None}):
        assert read_pick(other, "a") is None
