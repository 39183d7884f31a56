"""Make assets/data/emoji.npz: colour emoji, 32 × 32, on white, in eight groups.

    sudo apt-get install fonts-noto-color-emoji unicode-data      # Debian 12: 2.042 and 15.0.0
    python assets/make_emoji.py [--sheet sheet.png]

Needs Pillow built with Raqm (the wheels are), which joins sequences such as flags into one picture. Running it again
with the same font and the same Pillow (12.3 here) gives the same file, byte for byte.

Which characters: those of emoji-test.txt, without skin tones and without a man and a woman of each person. Then every
picture that looks almost like an earlier one is left out (clock faces, moons, the flags that two territories share),
so that no picture of the training part comes back in the held-out part.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont, features

TARGET = Path(__file__).resolve().parent / "data" / "emoji.npz"
FONT = Path("/usr/share/fonts/truetype/noto/NotoColorEmoji.ttf")
TABLE = Path("/usr/share/unicode/emoji/emoji-test.txt")
SEED = 2026
SIZE = 32
STRIKE = 109  # the only size of this bitmap font: pictures of 136 × 128
WIDTH = 136
HELD_OUT = 0.1
NEAR = 0.085  # root mean square difference of two pictures, 0 … 1, below which the later one is left out

GROUPS = ("faces", "people", "animals & plants", "food & drink", "places & travel", "things", "symbols", "flags")
UNICODE_GROUPS = {
    "Smileys & Emotion": "faces",
    "People & Body": "people",
    "Animals & Nature": "animals & plants",
    "Food & Drink": "food & drink",
    "Travel & Places": "places & travel",
    "Activities": "things",
    "Objects": "things",
    "Symbols": "symbols",
    "Flags": "flags",
}
# Where a picture looks like another group than Unicode's.
SUBGROUPS = {
    "cat-face": "animals & plants",
    "monkey-face": "animals & plants",
    "heart": "symbols",
    "emotion": "symbols",
}
LEFT_OUT = {"family", "person-symbol", "gender", "hair-style", "skin-tone"}
# Women and men beside a neutral picture of the same person, and one gesture that does not belong in a class room.
LEFT_OUT_NAMES = {
    *("man", "woman", "boy", "girl", "old man", "old woman", "prince", "princess", "Mrs. Claus", "mx claus"),
    *("pregnant man", "pregnant woman", "middle finger"),
}
JOINER, PERSON = 0x200D, 0x1F9D1
SKIN_TONES = range(0x1F3FB, 0x1F400)
GENDER_SIGNS = {0x2640, 0x2642}


def candidates() -> Iterator[tuple[int, str, str]]:
    """Yield (group, character, English name) in the order of emoji-test.txt."""
    group = subgroup = ""
    for line in TABLE.read_text(encoding="utf-8").splitlines():
        if line.startswith("# group:"):
            group = line.removeprefix("# group:").strip()
        elif line.startswith("# subgroup:"):
            subgroup = line.removeprefix("# subgroup:").strip()
        elif "; fully-qualified" in line and subgroup not in LEFT_OUT and group in UNICODE_GROUPS:
            codes = [int(code, 16) for code in line.split(";")[0].split()]
            if any(code in SKIN_TONES or code in GENDER_SIGNS for code in codes):
                continue
            if group == "People & Body" and JOINER in codes and codes[0] != PERSON:
                continue
            name = line.split("#", 1)[1].split(maxsplit=2)[2]
            if name in LEFT_OUT_NAMES:
                continue
            yield GROUPS.index(SUBGROUPS.get(subgroup, UNICODE_GROUPS[group])), "".join(map(chr, codes)), name


def draw(character: str, font: ImageFont.FreeTypeFont) -> np.ndarray | None:
    """Return the picture, uint8 (32, 32, 3), or None where the font has no single picture for this character."""
    left, top, right, bottom = font.getbbox(character)
    if not (0 < right - left <= WIDTH and 0 < bottom - top <= WIDTH):
        return None
    large = Image.new("RGB", (WIDTH, WIDTH), "white")
    place = ((WIDTH - right - left) / 2, (WIDTH - bottom - top) / 2)
    ImageDraw.Draw(large).text(place, character, font=font, embedded_color=True)
    # Laid on white first, the filter never sees the colour of a transparent pixel: the same as premultiplied alpha.
    pixels = np.asarray(large.resize((SIZE, SIZE), Image.Resampling.LANCZOS))
    return None if pixels.min() == 255 else pixels


def make() -> dict[str, np.ndarray]:
    """Return images (N, 32, 32, 3) uint8, labels (N,) uint8, held_out (N,) bool, characters and names (N,) str."""
    if not features.check("raqm"):
        raise RuntimeError("this Pillow has no Raqm: flags would come out as pairs of letters")
    font = ImageFont.truetype(FONT, STRIKE, layout_engine=ImageFont.Layout.RAQM)
    images: list[np.ndarray] = []
    labels: list[int] = []
    characters: list[str] = []
    names: list[str] = []
    for group, character, name in candidates():
        picture = draw(character, font)
        if picture is None:
            continue
        if images:
            differences = (np.stack(images).astype(np.float32) - picture) / 255
            if np.sqrt((differences**2).mean(axis=(1, 2, 3))).min() < NEAR:
                continue
        images.append(picture)
        labels.append(group)
        characters.append(character)
        names.append(name)
    groups = np.array(labels, dtype=np.uint8)
    order = np.argsort(groups, kind="stable")
    groups = groups[order]
    held_out = np.zeros(len(groups), dtype=bool)
    random = np.random.Generator(np.random.PCG64(SEED))
    for group in range(len(GROUPS)):
        members = np.flatnonzero(groups == group)
        held_out[random.choice(members, round(HELD_OUT * len(members)), replace=False)] = True
    return {
        "images": np.stack(images)[order],
        "labels": groups,
        "held_out": held_out,
        "characters": np.array(characters)[order],
        "names": np.array(names)[order],
    }


def sheet(images: np.ndarray, columns: int = 40) -> Image.Image:
    """All pictures side by side, to look at."""
    count = -(-len(images) // columns)
    whole = np.full((count * columns, SIZE, SIZE, 3), 255, dtype=np.uint8)
    whole[: len(images)] = images
    rows = whole.reshape(count, columns, SIZE, SIZE, 3).transpose(0, 2, 1, 3, 4)
    return Image.fromarray(rows.reshape(count * SIZE, columns * SIZE, 3))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Make assets/data/emoji.npz")
    parser.add_argument("--sheet", type=Path, help="also write all pictures side by side into this PNG")
    asked = parser.parse_args()
    arrays = make()
    TARGET.parent.mkdir(exist_ok=True)
    np.savez_compressed(TARGET, **arrays)
    print(f"{TARGET.name}: {len(arrays['labels'])} pictures, {TARGET.stat().st_size / 1024:.0f} KiB")
    for group, title in enumerate(GROUPS):
        held_out = arrays["held_out"][arrays["labels"] == group]
        print(f"  {title}: {len(held_out)}, of them {held_out.sum()} held out")
    if asked.sheet:
        sheet(arrays["images"]).save(asked.sheet)
