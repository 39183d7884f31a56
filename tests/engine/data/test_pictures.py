"""The reader of uploaded pictures: what it must read well, and what it must refuse in words."""

from __future__ import annotations

import io
import struct
import threading
import time
import warnings
import zlib

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageFile

from engine.data.pictures import PictureError, read_picture
from engine.storage.budgets import MEGABYTE

SECONDS = 2.0


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    target = io.BytesIO()
    image.save(target, kind, **options)
    return target.getvalue()


def scene(width: int = 60, height: int = 40) -> Image.Image:
    """A picture whose four corners all differ."""
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[: height // 2, : width // 2] = (250, 20, 20)
    pixels[: height // 2, width // 2 :] = (20, 250, 20)
    pixels[height // 2 :, : width // 2] = (20, 20, 250)
    pixels[height // 2 :, width // 2 :] = (240, 240, 240)
    return Image.fromarray(pixels)


def png_chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(width: int, height: int, depth: int, colour: int, rows: bytes, *extra: tuple[bytes, bytes]) -> bytes:
    chunks = [(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)), *extra]
    chunks += [(b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(png_chunk(*chunk) for chunk in chunks)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF"])
@pytest.mark.parametrize(("size", "channels"), [(28, 1), (32, 3), (100, 3)])
def test_common_kinds(kind: str, size: int, channels: int) -> None:
    picture = read_picture(encoded(scene(), kind), size=size, channels=channels)
    assert picture.shape == (size, size, channels)
    assert picture.dtype == np.uint8
    if channels == 3:
        near = size // 5
        assert picture[near, near].argmax() == 0
        assert picture[near, -near].argmax() == 1
        assert picture[-near, near].argmax() == 2


def test_a_square_of_the_right_size_comes_back_unchanged() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    assert np.array_equal(read_picture(encoded(Image.fromarray(pixels), "PNG"), size=32, channels=3), pixels)
    grey = pixels[:28, :28, 0]
    assert np.array_equal(read_picture(encoded(Image.fromarray(grey), "PNG"), size=28, channels=1)[..., 0], grey)


@pytest.mark.parametrize("depth", ["16-bit PNG", "16-bit TIFF"])
def test_sixteen_bits_are_scaled_not_clipped(depth: str) -> None:
    values = np.arange(65536, dtype=np.uint16).reshape(256, 256)
    data = encoded(Image.fromarray(values), depth.split()[1])
    picture = read_picture(data, size=256, channels=1)[..., 0]
    assert np.array_equal(picture, np.rint(values / 257))


def test_sixteen_bit_colour_with_and_without_transparency() -> None:
    row = b"\0" + struct.pack(">6H", 65535, 32768, 0, 65535, 32768, 0)
    plain = read_picture(png(2, 2, 16, 2, row * 2), size=2, channels=3)
    assert plain[0, 0].tolist() == [255, 128, 0]
    keyed = png(2, 2, 16, 2, row * 2, (b"tRNS", struct.pack(">3H", 1, 2, 3)))
    assert read_picture(keyed, size=2, channels=3)[0, 0].tolist() == [255, 128, 0]
    grey_row = b"\0" + struct.pack(">2H", 1000, 40000)
    grey = png(2, 2, 16, 0, grey_row * 2, (b"tRNS", struct.pack(">H", 1000)))
    assert read_picture(grey, size=2, channels=1)[0, :, 0].tolist() == [255, round(40000 / 257)]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (np.array([[0.0, 0.5], [1.0, 0.25]], np.float32), [0, 128, 255, 64]),
        (np.array([[0.0, 51.0], [255.0, 102.0]], np.float32), [0, 51, 255, 102]),
        (np.array([[-2.0, 0.0], [2.0, -2.0]], np.float32), [0, 128, 255, 0]),
        (np.array([[np.nan, np.inf], [1.0, -np.inf]], np.float32), [0, 0, 255, 0]),
        (np.array([[0, 1e-44], [-1e-44, 0]], np.float32), [128, 255, 0, 128]),
        (np.array([[0, 100_000], [200_000, 0]], np.int32), [0, 128, 255, 0]),
        (np.array([[-3e38, 3e38], [0, 0]], np.float32), [0, 255, 128, 128]),
        (np.array([[0, 255], [51, 0]], np.int32), [0, 255, 51, 0]),
    ],
)
def test_thirty_two_bits(values: np.ndarray, expected: list[int]) -> None:
    picture = read_picture(encoded(Image.fromarray(values), "TIFF"), size=2, channels=1)
    assert picture.ravel().tolist() == expected


def test_cmyk() -> None:
    red = Image.new("CMYK", (40, 40), (0, 255, 255, 0))
    for kind in ("JPEG", "TIFF"):
        pixel = read_picture(encoded(red, kind), size=8, channels=3)[4, 4]
        assert pixel[0] > 240
        assert pixel[1:].max() < 15


def test_transparent_parts_are_laid_on_white() -> None:
    palette = Image.new("P", (20, 20), 0)
    palette.putpalette([0, 0, 0, 200, 0, 0])
    palette.paste(1, (10, 0, 20, 20))
    picture = read_picture(encoded(palette, "PNG", transparency=0), size=20, channels=3)
    assert picture[10, 2].tolist() == [255, 255, 255]
    assert picture[10, 17].tolist() == [200, 0, 0]
    half = Image.new("RGBA", (20, 20), (0, 0, 0, 128))
    for kind in ("PNG", "WEBP", "TIFF"):
        assert read_picture(encoded(half, kind), size=20, channels=1)[5, 5, 0] == pytest.approx(127, abs=1)
    ink = Image.new("LA", (20, 20), (0, 0))
    assert read_picture(encoded(ink, "PNG"), size=28, channels=1).min() == 255
    keyed = encoded(Image.new("L", (20, 20), 7), "PNG", transparency=7)
    assert read_picture(keyed, size=28, channels=1).min() == 255


def test_the_colour_of_invisible_pixels_never_shows() -> None:
    pixels = np.zeros((64, 64, 4), np.uint8)
    pixels[..., 1] = 255
    pixels[16:48, 16:48] = (255, 0, 0, 255)
    picture = read_picture(encoded(Image.fromarray(pixels), "PNG"), size=10, channels=3).astype(int)
    assert np.abs(picture[..., 1] - picture[..., 2]).max() <= 1, "a green rim"


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG", "TIFF"])
def test_of_a_moving_picture_the_first_frame(kind: str) -> None:
    frames = [Image.new("RGB", (20, 20), colour) for colour in ("red", "blue", "lime")]
    data = encoded(frames[0], kind, save_all=True, append_images=frames[1:])
    assert read_picture(data, size=4, channels=3)[2, 2].argmax() == 0
    assert read_picture(data, size=4, channels=3)[2, 2, 2] < 20


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_turns_the_picture_upright(kind: str, orientation: int) -> None:
    from PIL import ImageOps

    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"quality": 95} if kind in ("JPEG", "WEBP") else {}
    data = encoded(scene(), kind, exif=exif, **options)
    upright = ImageOps.exif_transpose(Image.open(io.BytesIO(data))).convert("RGB")
    expected = read_picture(encoded(upright, "PNG"), size=16, channels=3).astype(int)
    assert np.abs(read_picture(data, size=16, channels=3).astype(int) - expected).mean() < 3


def test_tiny_and_extreme_pictures() -> None:
    assert set(read_picture(encoded(Image.new("RGB", (1, 1), (9, 8, 7)), "PNG"), size=32, channels=3)[5, 5]) == {
        9,
        8,
        7,
    }
    for width, height in ((20_000, 1), (1, 20_000), (9000, 3), (3, 9000)):
        picture = read_picture(encoded(Image.new("L", (width, height), 77), "PNG"), size=28, channels=1)
        assert (picture == 77).all()
    one_bit = read_picture(encoded(Image.new("1", (30, 30), 1), "PNG"), size=28, channels=3)
    assert (one_bit == 255).all()


def test_the_middle_is_kept() -> None:
    wide = Image.new("L", (300, 100), 0)
    wide.paste(255, (100, 0, 200, 100))
    assert read_picture(encoded(wide, "PNG"), size=10, channels=1).min() == 255
    assert read_picture(encoded(wide.transpose(Image.Transpose.ROTATE_90), "PNG"), size=10, channels=1).min() == 255


def test_a_fine_pattern_averages_out() -> None:
    stripes = np.zeros((1024, 1024), np.uint8)
    stripes[:, ::2] = 255
    assert np.ptp(read_picture(encoded(Image.fromarray(stripes), "PNG"), size=28, channels=1).astype(int)) <= 2


def test_a_camera_sized_jpeg_is_quick() -> None:
    photo = Image.effect_noise((800, 600), 60).resize((6400, 4800)).convert("RGB")
    data = encoded(photo, "JPEG", quality=80)
    begun = time.perf_counter()
    assert read_picture(data, size=32, channels=3).shape == (32, 32, 3)
    assert time.perf_counter() - begun < SECONDS


def broken(data: bytes) -> bytes:
    return data[: len(data) // 2]


NOISE = Image.fromarray(np.random.default_rng(1).integers(0, 256, (64, 64, 3), dtype=np.uint8))


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "empty"),
        (b"hello", "not a picture"),
        (b"%PDF-1.7 ....", "not a picture"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "not a picture"),
        (encoded(NOISE, "ICO"), "not a picture"),
        (encoded(NOISE, "PPM"), "not a picture"),
        (encoded(NOISE, "PDF"), "not a picture"),
        (encoded(NOISE, "EPS"), "not a picture"),
        (bytes(50 * MEGABYTE), r"too large: it has 50\.0 MB, and at most 20 MB"),
        *((broken(encoded(NOISE, kind)), "damaged or incomplete") for kind in ("PNG", "JPEG", "WEBP", "BMP", "TIFF")),
        (encoded(NOISE, "PNG")[:20], "damaged or incomplete"),
        (png(30_000, 30_000, 8, 2, b""), "too many pixels: at most 40 million"),
        (png(8_000, 8_000, 8, 2, b""), "too many pixels"),
        (png(11_000, 11_000, 8, 2, b""), "too many pixels"),
        (png(2**31 - 1, 2**31 - 1, 8, 2, b""), "too many pixels"),
        (png(0, 10, 8, 2, b""), "damaged"),
        (b"GIF89a" + struct.pack("<HHBBB", 65535, 65535, 0, 0, 0) + b";", "damaged|too many"),
    ],
)
@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_refusals_in_words(data: bytes, words: str) -> None:
    begun = time.perf_counter()
    with pytest.raises(PictureError, match=words) as caught:
        read_picture(data, size=28, channels=1)
    assert time.perf_counter() - begun < 0.5
    message = str(caught.value)
    assert message.endswith(".")
    assert "\n" not in message
    assert len(message) < 140


def test_a_bomb_is_refused_also_where_warnings_are_errors() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(PictureError, match="too many pixels"):
            read_picture(png(10_000, 10_000, 8, 2, b""), size=28, channels=1)


def test_a_jpeg_of_endless_layers_is_refused() -> None:
    data = encoded(Image.new("L", (4000, 4000)), "JPEG", progressive=True)
    start = data.rindex(b"\xff\xda")
    many = data[:start] + data[start:-2] * 400 + data[-2:]
    assert len(many) < 20 * MEGABYTE
    begun = time.perf_counter()
    with pytest.raises(PictureError, match="layers"):
        read_picture(many, size=28, channels=1)
    assert time.perf_counter() - begun < SECONDS
    assert read_picture(data, size=28, channels=1).max() == 0


def test_limits_can_be_set() -> None:
    data = encoded(scene(), "PNG")
    with pytest.raises(PictureError, match="too many pixels"):
        read_picture(data, size=8, channels=3, max_pixels=60 * 40 - 1)
    with pytest.raises(PictureError, match="too large"):
        read_picture(data, size=8, channels=3, max_bytes=len(data) - 1)
    assert read_picture(data, size=8, channels=3, max_pixels=60 * 40, max_bytes=len(data)).shape == (8, 8, 3)


def test_asking_for_the_impossible_is_a_plain_error() -> None:
    for size, channels in ((0, 1), (8, 2)):
        with pytest.raises(ValueError, match="size must be") as caught:
            read_picture(encoded(scene(), "PNG"), size=size, channels=channels)
        assert not isinstance(caught.value, PictureError)


def test_threads_agree_and_nothing_global_changes() -> None:
    files = [encoded(scene(), kind) for kind in ("PNG", "JPEG", "WEBP", "GIF")] + [b"no picture"]
    before = (Image.MAX_IMAGE_PIXELS, ImageFile.LOAD_TRUNCATED_IMAGES, list(warnings.filters))

    def outcome(data: bytes) -> bytes | str:
        try:
            return read_picture(data, size=16, channels=3).tobytes()
        except PictureError as problem:
            return str(problem)

    expected = [outcome(data) for data in files]
    wrong: list[int] = []

    def work(k: int) -> None:
        wrong.extend(k for _ in range(20) if outcome(files[k % 5]) != expected[k % 5])

    threads = [threading.Thread(target=work, args=(k,)) for k in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    assert before == (Image.MAX_IMAGE_PIXELS, ImageFile.LOAD_TRUNCATED_IMAGES, list(warnings.filters))


def only_picture_errors(data: bytes) -> None:
    begun = time.perf_counter()
    for channels in (1, 3):
        try:
            picture = read_picture(data, size=28, channels=channels)
        except PictureError:
            continue
        assert picture.shape == (28, 28, channels)
        assert picture.dtype == np.uint8
    assert time.perf_counter() - begun < 2 * SECONDS


SMALL = NOISE.resize((24, 18))
ALPHA = SMALL.convert("RGBA")
EXIF = Image.Exif()
EXIF[0x0112] = 6
SAMPLES = [
    encoded(SMALL, "PNG", exif=EXIF),
    encoded(ALPHA, "PNG"),
    encoded(SMALL.quantize(16), "PNG", transparency=0),
    encoded(Image.fromarray(np.arange(400, dtype=np.uint16).reshape(20, 20) * 100), "PNG"),
    encoded(SMALL, "JPEG", exif=EXIF),
    encoded(SMALL, "JPEG", progressive=True),
    encoded(SMALL.convert("CMYK"), "JPEG"),
    encoded(SMALL, "WEBP", exif=EXIF),
    encoded(ALPHA, "WEBP", lossless=True),
    encoded(SMALL, "WEBP", save_all=True, append_images=[ALPHA]),
    encoded(SMALL, "GIF", save_all=True, append_images=[SMALL.rotate(90)]),
    encoded(SMALL, "BMP"),
    encoded(SMALL.quantize(16), "BMP"),
    encoded(SMALL, "TIFF", exif=EXIF),
    encoded(SMALL, "TIFF", compression="tiff_lzw"),
    encoded(SMALL, "TIFF", compression="tiff_adobe_deflate"),
    encoded(SMALL, "TIFF", compression="jpeg"),
    encoded(SMALL.convert("1"), "TIFF", compression="group4"),
    encoded(SMALL.convert("F"), "TIFF"),
]
HOSTILE = settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much]
)
quietly = pytest.mark.filterwarnings("ignore::UserWarning", "ignore::PIL.Image.DecompressionBombWarning")
SIGNATURES = [b"", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF89a", b"BM", b"II*\0", b"MM\0*", b"RIFF\0\0\0\0WEBP"]


@quietly
@given(st.sampled_from(SIGNATURES), st.binary(max_size=400))
@HOSTILE
def test_random_bytes(signature: bytes, rest: bytes) -> None:
    only_picture_errors(signature + rest)


@quietly
@given(st.sampled_from(SAMPLES), st.floats(0, 1))
@HOSTILE
def test_files_cut_anywhere(data: bytes, part: float) -> None:
    only_picture_errors(data[: int(part * len(data))])


@quietly
@given(
    st.sampled_from(SAMPLES),
    st.lists(
        st.tuples(st.one_of(st.integers(0, 120), st.integers(0, 5000)), st.binary(min_size=1, max_size=4)), max_size=8
    ),
)
@example(SAMPLES[0], [])
@HOSTILE
def test_files_altered_anywhere(data: bytes, changes: list[tuple[int, bytes]]) -> None:
    altered = bytearray(data)
    for place, values in changes:
        start = place % len(altered)
        altered[start : start + len(values)] = values
    only_picture_errors(bytes(altered))
