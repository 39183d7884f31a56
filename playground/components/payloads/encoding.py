"""From frozen dataclasses to what the browser receives: a JSON object with the names of the fields, or a message of bytes.

How a field travels follows from its annotation, and so does its type in payloads.d.ts (see tests/payload_types.py): plain
values as they are, dataclasses as objects, and what has an `Encoding` by that.
"""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import json
import struct
from collections.abc import Callable, Mapping, Sequence
from functools import cache, cached_property
from typing import Annotated, Any, ClassVar, get_args, get_type_hints

import numpy as np
from numpy.typing import ArrayLike, NDArray

JSON = dict[str, Any]


class Blobs:
    """What stands behind the JSON text of a message, one file or array after the other."""

    def __init__(self) -> None:
        self.parts: list[bytes] = []
        self._hashed: list[bytes] = []
        self._size = 0

    def add(self, data: bytes, hashed: bytes | None = None) -> int:
        """Takes bytes and returns where they begin. `hashed`: a part of them that differs when they do; by default all."""
        self.parts.append(data)
        self._hashed.append(data if hashed is None else hashed)
        self._size += len(data)
        return self._size - len(data)

    def stamp(self, header: bytes) -> bytes:
        """16 bytes that differ when the header or a part does."""
        return hashlib.blake2b(header + b"".join(self._hashed), digest_size=16).digest()


@dataclasses.dataclass(frozen=True)
class Encoding:
    """How the value of a field travels, given the blobs of a message or None for JSON; and its type there."""

    encode: Callable[[Any, Blobs | None], object]
    typescript: str


class Inlined:
    """Marks a field whose own fields stand in the object around it."""


def as_list(values: ArrayLike, digits: int = 6) -> list[float | None]:
    """A one-dimensional list of floats with `digits` significant digits; what is not finite becomes None.

    Raises ValueError if `values` has more than one dimension.
    """
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1:
        raise ValueError(f"Expected one dimension, got shape {array.shape}.")
    numbers = (float(f"{value:.{digits}g}") for value in array.tolist())
    return [value if ok else None for value, ok in zip(numbers, np.isfinite(array), strict=True)]


def _finite(values: ArrayLike, _: Blobs | None) -> object:
    if not np.isfinite(values).all():
        raise ValueError("Every number here must be finite.")
    return as_list(values)


def _base64(array: NDArray[Any]) -> str:
    return base64.b64encode(np.ascontiguousarray(array).tobytes()).decode("ascii")


def _packed(key: str, dtype: str) -> Callable[[Any, Blobs | None], object]:
    def encode(values: ArrayLike, _: Blobs | None) -> object:
        array = np.asarray(values, dtype=dtype)
        return {"shape": list(array.shape), key: _base64(array)}

    return encode


def _in_message(values: ArrayLike, blobs: Blobs | None) -> object:
    if blobs is None:
        raise ValueError("This payload has arrays that only a message can carry.")
    array = np.ascontiguousarray(values, dtype="<f4")
    return {"shape": list(array.shape), "at": blobs.add(array.tobytes())}


def _png(data: bytes, blobs: Blobs | None) -> object:
    if blobs is None:
        return "data:image/png;base64," + base64.b64encode(data).decode("ascii")
    # A PNG carries a checksum of its pixels before its end chunk of 12 bytes: no need to hash megabytes again.
    return {"file": [blobs.add(data, data[-16:-12]), len(data)]}


Numbers = Annotated[Sequence[float] | NDArray[Any], Encoding(lambda values, _: as_list(values), "(number | null)[]")]
"""One dimension, rounded to six digits; NaN, which JSON does not know, as null."""
FiniteNumbers = Annotated[Sequence[float] | NDArray[Any], Encoding(_finite, "number[]")]
"""The same, where there is a value for each."""
PackedFloats = Annotated[NDArray[Any], Encoding(_packed("f32", "<f4"), "PackedFloats")]
"""float32 of any shape as {"shape", "f32": base64}."""
PackedBytes = Annotated[NDArray[np.uint8], Encoding(_packed("u8", "u1"), "PackedBytes")]
Floats = Annotated[NDArray[Any], Encoding(_in_message, "Floats")]
"""float32 of any shape in the bytes of a message; in its JSON {"shape", "at": where it begins}."""
Png = Annotated[bytes, Encoding(_png, "string | Blob")]
"""A file: as data URI in JSON, in a message {"file": [where it begins, how long it is]}."""


@dataclasses.dataclass(frozen=True)
class Property:
    """One name in a payload."""

    name: str
    annotation: Any
    encoding: Encoding | None
    is_inlined: bool


@cache
def properties(payload: type) -> tuple[Property, ...]:
    """What of a dataclass travels: its fields, and the properties that its `computed` names."""
    hints = get_type_hints(payload, include_extras=True)
    named = {field.name: hints[field.name] for field in dataclasses.fields(payload)}
    for name in getattr(payload, "computed", ()):
        named[name] = get_type_hints(getattr(payload, name).fget, include_extras=True)["return"]
    return tuple(Property(name, hint, *_marks(hint)) for name, hint in named.items())


def _marks(hint: Any) -> tuple[Encoding | None, bool]:
    marks = [mark for part in (hint, *get_args(hint)) for mark in getattr(part, "__metadata__", ())]
    return next((mark for mark in marks if isinstance(mark, Encoding)), None), Inlined in marks


def encode(value: Any, blobs: Blobs | None = None) -> Any:
    """A payload as JSON data; with `blobs`, those of its files and arrays that are large go there.

    Raises:
        ValueError: an array has the wrong number of dimensions, or can only travel in a message.
    """
    if dataclasses.is_dataclass(value):
        made: JSON = {}
        kind: Any = type(value)
        for it in properties(kind):
            own = getattr(value, it.name)
            if it.is_inlined:
                made.update(encode(own, blobs))
            else:
                made[it.name] = (
                    encode(own, blobs) if it.encoding is None or own is None else it.encoding.encode(own, blobs)
                )
        return made
    if isinstance(value, Mapping):
        return {name: encode(own, blobs) for name, own in value.items()}
    return [encode(own, blobs) for own in value] if isinstance(value, tuple | list) else value


def encode_message(payload: Any) -> bytes:
    """A payload in one piece of bytes; message.js reads it.

    16 bytes that differ when the content does, the length of the JSON as uint32 (little-endian), the JSON, files and arrays.
    """
    blobs = Blobs()
    header = json.dumps(encode(payload, blobs), allow_nan=False).encode()
    return b"".join((blobs.stamp(header), struct.pack("<I", len(header)), header, *blobs.parts))


class Payload:
    """A dataclass that is all that a component shows. `computed`: properties that travel beside its fields."""

    computed: ClassVar[tuple[str, ...]] = ()

    def to_payload(self) -> JSON:
        """What `update` of the component takes; made once, for a page may ask for it again and again."""
        return self._payload

    @cached_property
    def _payload(self) -> JSON:
        payload: JSON = encode(self)
        return payload


class MessagePayload(Payload):
    """One that can also travel as bytes, which is shorter."""

    def to_message(self) -> bytes:
        """What `update` of the component takes as well: `encode_message` of it."""
        return encode_message(self)
