"""What xray.js shows of a network: blocks and skips, activations, attention, and its embedding of the time.

Numbers are packed, one byte for each value; `max` is the value of 127 (signed) or 255.
"""

from __future__ import annotations

from typing import Literal, TypedDict


class XRayBlock(TypedDict):
    """A block. `size`: (height, width) of its output."""

    name: str
    kind: str
    part: str
    size: list[int]
    channels: int
    parameters: int
    short: str
    title: str
    help: str


class XRaySkip(TypedDict):
    """A skip connection; `off`: it passes nothing on."""

    number: int
    source: str
    target: str
    title: str
    off: bool


class SignedMap(TypedDict):
    """int8 as base64."""

    shape: list[int]
    max: float
    i8: str


class UnsignedMap(TypedDict):
    """uint8 as base64."""

    shape: list[int]
    max: float
    u8: str


class ChannelMaps(SignedMap):
    """Numbers of the channels that are sent, out of how many; none for an embedding."""

    channels: list[int]
    of: int


class AttentionMaps(TypedDict):
    """The mean over heads, then single heads: uint8 rows, each scaled by its largest value, which `top` has as float32."""

    name: str
    title: str
    size: list[int]
    heads: int
    of: int
    u8: str
    top: str


class XRayPicture(TypedDict):
    """A picture as data URI."""

    key: str
    title: str
    src: str
    size: list[int]


class TimeMaps(TypedDict):
    """Cosine similarity between embeddings of times `t`, and the norm of what each block adds of one; `at`: which is now."""

    t: list[int]
    at: int
    similarity: SignedMap
    norms: UnsignedMap
    blocks: list[str]


XRayWord = Literal[
    "help",
    "channels",
    "channels_help",
    "attention",
    "attention_help",
    "no_attention",
    "time",
    "time_help",
    "similarity",
    "norms",
]


class XRay(TypedDict):
    """All of it. `block`: which is chosen; `base`: the settings that the browser's choice belongs to."""

    id: str
    base: str
    block: str
    title: str
    parameters: int
    at: str
    blocks: list[XRayBlock]
    skips: list[XRaySkip]
    maps: dict[str, ChannelMaps]
    attention: list[AttentionMaps]
    pictures: list[XRayPicture]
    time: TimeMaps
    words: dict[XRayWord, str]
