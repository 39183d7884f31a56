"""Read an uploaded picture: nothing in the file is trusted, and every error is one clear sentence."""

from __future__ import annotations

import io
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
from PIL import Image

from engine.data.picture_files import DECODING, SIGNATURES, open_picture, orientation_of
from engine.language import Message
from engine.storage import budgets
from engine.storage.file_kinds import HEAD, because

FORMAT_NAMES = "PNG, JPEG, WebP, GIF, BMP or TIFF"
UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""What turns a picture upright, by its orientation."""
BAND_PIXELS = 1_000_000
"""Of a large picture so many are converted at a time."""


class PictureError(ValueError):
    """A file that cannot be used as a picture; the message is one sentence, fit to show to the person who sent it."""


def read_picture(
    data: bytes,
    *,
    size: int,
    channels: int,
    max_bytes: int = budgets.SENT_PICTURE,
    max_pixels: int = budgets.PIXELS,
    white: int = 0,
) -> npt.NDArray[np.uint8]:
    """Return the middle square of a picture file as uint8 (size, size, channels), 0 … 255.

    Reads PNG, JPEG, WebP, GIF, BMP and TIFF; of a moving picture the first frame. The picture is turned upright as
    its EXIF tag says, transparent parts are laid on white, 16-bit values are scaled to 8 bits, colour becomes grey
    where channels = 1.
    Where `white` is given, values from there on are white: 4095 for 12 bits in a file of 16.
    It is resized with Lanczos, after averaging whole blocks where it shrinks a lot. Colour profiles are not applied.

    Raises `PictureError` for everything that is wrong with the file: empty, larger than `max_bytes`, more pixels than
    `max_pixels` (judged by its header, before anything is unpacked), of another kind, damaged or incomplete.
    Raises `ValueError` for size < 1 or channels other than 1 and 3. Changes no setting of Pillow or of `warnings`,
    so threads may call it at the same time.
    """
    if size < 1 or channels not in (1, 3):
        raise ValueError(f"size must be at least 1 and channels 1 or 3, got {size} and {channels}")
    if not data:
        raise PictureError(Message("This file is empty."))
    if len(data) > max_bytes:
        raise PictureError(
            Message(
                "This file is too large: it has {size:.1f} MB, and at most {most:g} MB can be read.",
                size=len(data) / budgets.MEGABYTE,
                most=max_bytes / budgets.MEGABYTE,
            )
        )
    # Damaged files make Pillow raise nearly anything: OSError, SyntaxError, struct.error, IndexError, MemoryError …
    try:
        image = open_picture(io.BytesIO(data))
    # Pillow warns above one limit and raises above another; a warning reaches us here only where the program's own
    # filters turn warnings into errors. Both limits are above ours, which comes next.
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise _too_many(max_pixels) from None
    except Exception as problem:
        if _looks_like_a_picture(data):
            raise _damaged() from problem
        raise _no_picture(data) from problem
    with image:
        _check_effort(image, data, max_pixels)
        try:
            with DECODING.passing(image.width * image.height):
                square = _square(image, size, channels, white)
                image.close()  # before another one is let in
                return square
        except PictureError:
            raise
        except Exception as problem:
            raise _damaged() from problem


def _no_picture(data: bytes) -> PictureError:
    return PictureError(
        Message(
            "This is not a picture that can be read here{kind}; please choose a {kinds}.",
            kind=because(data[:HEAD]),
            kinds=FORMAT_NAMES,
        )
    )


def _check_effort(image: Image.Image, data: bytes, max_pixels: int) -> None:
    """Refuse, from the header alone, what would take too much memory or time to unpack."""
    pixels = image.width * image.height
    if pixels > max_pixels:
        raise _too_many(max_pixels)
    # 0xff 0xda starts a scan; inside a scan 0xff is never followed by 0xda.
    if image.format in ("JPEG", "MPO") and data.count(b"\xff\xda") * pixels > budgets.SCANNED_PIXELS:
        raise PictureError(Message("This JPEG is built in so many layers that reading it would take too long."))


def _square(image: Image.Image, size: int, channels: int, white: int) -> npt.NDArray[np.uint8]:
    if image.format == "JPEG":
        # A camera's JPEG is unpacked at a half, a quarter or an eighth, still four times finer than what we need.
        image.draft(None, (4 * size, 4 * size))
    image.load()
    side = min(image.size)
    if side < 1:
        raise _damaged()
    left, top = (image.width - side) // 2, (image.height - side) // 2
    orientation = orientation_of(image)
    square = image
    if image.width != image.height:
        square = image.crop((left, top, left + side, top + side))
        image.close()
    eight_bit = _eight_bit(_brightened(square, white))
    # The reducing gap averages whole blocks first: fast, and a fine pattern does not turn into stripes.
    small = eight_bit.resize((size, size), Image.Resampling.LANCZOS, reducing_gap=3.0)
    if orientation in UPRIGHT:
        small = small.transpose(UPRIGHT[orientation])
    return np.array(small.convert("L" if channels == 1 else "RGB"), dtype=np.uint8).reshape(size, size, channels)


def _brightened(image: Image.Image, white: int) -> Image.Image:
    """The picture with `white` as its brightest value; as it is for 0."""
    top = 65535 if image.mode.startswith("I;16") else 255
    if not 0 < white < top:
        return image
    if top == 255:
        plain = image if image.mode in ("L", "RGB") else image.convert("RGB")
        return plain.point([min(255, value * 255 // white) for value in range(256)] * len(plain.getbands()))

    def brightened(band: Image.Image) -> npt.NDArray[np.uint16]:
        return (np.minimum(np.asarray(band).astype(np.uint32), white) * top // white).astype(np.uint16)

    return Image.fromarray(np.concatenate([*map(brightened, _bands(image))]))


def brightest_value(data: bytes, max_bytes: int) -> tuple[int, int]:
    """The largest value stored in a picture file, and the largest that could be: 255 or 65535.

    Raises `PictureError` where it cannot be read.
    """
    if len(data) > max_bytes:
        raise PictureError(Message("This file is too large."))
    try:
        image = open_picture(io.BytesIO(data))
        _check_effort(image, data, budgets.PIXELS)
        with DECODING.passing(image.width * image.height), image:
            top = 65535 if image.mode.startswith("I;16") else 255
            return max(_brightest(band) for band in _bands(image)), top
    except PictureError:
        raise
    except Exception as problem:  # as in `read_picture`
        raise _damaged() from problem


def _brightest(image: Image.Image) -> int:
    if image.mode.startswith("I;16"):
        return int(np.asarray(image).max())
    plain = image if image.mode in ("L", "RGB") else image.convert("RGB")
    return int(max(np.ravel(plain.getextrema())))


def _bands(image: Image.Image) -> Iterator[Image.Image]:
    """The picture from top to bottom in parts, so that what is made of it is never there at its full size."""
    rows = max(1, BAND_PIXELS // max(1, image.width))
    for top in range(0, image.height, rows):
        yield image.crop((0, top, image.width, min(top + rows, image.height)))


def _eight_bit(image: Image.Image) -> Image.Image:
    """The picture in mode L or RGB, transparent parts laid on white."""
    if image.mode.startswith(("I", "F")):
        return Image.fromarray(_grey_levels(image))
    if image.has_transparency_data:
        return _on_white(image)
    if image.mode in ("1", "L"):
        return image.convert("L")
    try:
        return image.convert("RGB")
    except ValueError as problem:
        raise PictureError(
            Message("The colours of this picture are stored in a rare way; please save it as PNG.")
        ) from problem


def _on_white(image: Image.Image) -> Image.Image:
    whole, top = Image.new("RGB", image.size), 0
    for band in _bands(image):
        white = Image.new("RGBA", band.size, "white")
        white.alpha_composite(band.convert("RGBA"))
        whole.paste(white.convert("RGB"), (0, top))
        top += band.height
    return whole


def _grey_levels(image: Image.Image) -> npt.NDArray[np.uint8]:
    """Grey values of more than 8 bits as uint8 (H, W), scaled and not cut off.

    In 16 bits white is 65535. Files of 32 bits and of fractions do not say what it is; they are stretched from their
    darkest to their brightest value, unless they fit one of the usual ranges, 0 … 1, 0 … 255 or 0 … 65535.
    """
    low, high = (0.0, 0.0) if image.mode.startswith("I;16") else _range(image)
    transparent, levels = image.info.get("transparency"), []
    for stored in map(np.asarray, _bands(image)):
        if image.mode.startswith("I;16"):
            # The nearest of 256 levels, v / 257 rounded, in whole numbers.
            band = ((stored.astype(np.uint32) * 255 + 32895) >> 16).astype(np.uint8)
        else:
            band = _stretched(stored, low, high)
        if isinstance(transparent, int):
            band[stored == transparent] = 255
        levels.append(band)
    return np.concatenate(levels)


def _range(image: Image.Image) -> tuple[float, float]:
    """Halves of what becomes black and white."""
    ends = [(float(halves.min()), float(halves.max())) for halves in map(_halves, map(np.asarray, _bands(image)))]
    low, high = min(low for low, _ in ends), max(high for _, high in ends)
    if low >= 0:
        whites = (0.5, 127.5, 32767.5) if image.mode == "F" else (127.5, 32767.5)
        low, high = next(((0.0, white) for white in whites if high <= white), (low, high))
    return low, high


def _halves(stored: npt.NDArray[np.float32] | npt.NDArray[np.int32]) -> npt.NDArray[np.float32]:
    """Halved: the difference of two very large numbers of opposite sign would not fit."""
    halves = stored.astype(np.float32) / 2
    return np.nan_to_num(halves, copy=False, nan=0.0, posinf=0.0, neginf=0.0)


def _stretched(
    stored: npt.NDArray[np.float32] | npt.NDArray[np.int32], low: float, high: float
) -> npt.NDArray[np.uint8]:
    if high == low:
        return np.full(stored.shape, 128, dtype=np.uint8)
    halves = _halves(stored)
    halves -= low
    halves /= high - low
    halves *= 255
    return np.rint(halves, out=halves).astype(np.uint8)


def _looks_like_a_picture(data: bytes) -> bool:
    return data.startswith(SIGNATURES) or (data[:4] == b"RIFF" and data[8:12] == b"WEBP")


def _too_many(max_pixels: int) -> PictureError:
    return PictureError(
        Message("This picture has too many pixels: at most {most:g} million can be read.", most=max_pixels / 1e6)
    )


def _damaged() -> PictureError:
    return PictureError(Message("This picture file is damaged or incomplete."))
