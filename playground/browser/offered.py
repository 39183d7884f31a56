"""Networks and other files as a page gets them: inside it, or with an address at which it fetches them once.

An address is made of the hash of what is there, so that a browser may keep what it has fetched for ever, and nobody is answered
who was not given it. serving/weights.py answers at these addresses.
"""

from __future__ import annotations

import base64
import hashlib
import json
import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol
from weakref import WeakKeyDictionary

from playground.components.payloads.encoding import Payload

if TYPE_CHECKING:
    from torch import nn

FOLDER = "weights"
"""Of the addresses, relative to the page: they hold behind a base path and a share link."""
MOST_BYTES = 256_000_000
"""Of the files that are kept to be fetched; the last one always is."""


@dataclass(frozen=True)
class SentFile(Payload):
    """A file, for sent_network.js.

    hash, bytes: its SHA-256 as 64 hexadecimal digits, and its length.
    url: where the page fetches it, relative to the page; "" where it is in `base64`.
    """

    hash: str
    bytes: int
    url: str = ""
    base64: str = ""


@dataclass(frozen=True)
class SentNetwork(SentFile):
    """A network in half precision: its weights as a safetensors file, and its config as JSON, see `network_files`."""

    config: str = ""


class Sending(Protocol):
    """How files get to a page."""

    def network(self, net: nn.Module) -> SentNetwork:
        """A network. Raises TypeError as `network_files`."""

    def file(self, data: bytes) -> SentFile:
        """Any other file."""


class Offer:
    """Files that pages may fetch, by their hash. Any thread may call any method.

    Args:
        most_bytes: that are kept; those that were offered or fetched longest ago are dropped first.
    """

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._most = most_bytes
        self._lock = threading.Lock()
        self._files: OrderedDict[str, bytes] = OrderedDict()
        self._known: WeakKeyDictionary[nn.Module, SentNetwork] = WeakKeyDictionary()

    def network(self, net: nn.Module) -> SentNetwork:
        """This network with an address, at which its weights are from now on. Raises TypeError as `network_files`."""
        with self._lock:
            known = self._known.get(net)
            if known is not None and known.hash in self._files:
                self._files.move_to_end(known.hash)
                return known
        made = _network(self, net)
        with self._lock:
            self._known[net] = made
        return made

    def file(self, data: bytes) -> SentFile:
        """This file with an address, at which it is from now on."""
        digest = hashlib.sha256(data).hexdigest()
        with self._lock:
            self._files[digest] = data
            self._files.move_to_end(digest)
            while len(self._files) > 1 and sum(map(len, self._files.values())) > self._most:
                self._files.popitem(last=False)
        return SentFile(digest, len(data), url=f"{FOLDER}/{digest}")

    def read(self, hash: str) -> bytes | None:
        """The file with this hash; None where none was offered, or it was dropped."""
        with self._lock:
            if hash in self._files:
                self._files.move_to_end(hash)
            return self._files.get(hash)


class Enclosed:
    """Everything inside the page, which asks for nothing."""

    def network(self, net: nn.Module) -> SentNetwork:
        """This network. Raises TypeError as `network_files`."""
        return _network(self, net)

    def file(self, data: bytes) -> SentFile:
        """This file."""
        return SentFile(hashlib.sha256(data).hexdigest(), len(data), base64=base64.b64encode(data).decode("ascii"))


def _network(sending: Sending, net: nn.Module) -> SentNetwork:
    from playground.browser.network import network_files  # torch: the server that answers starts without it

    files = network_files(net, half=True)
    sent = sending.file(files.weights)
    return SentNetwork(sent.hash, sent.bytes, sent.url, sent.base64, json.dumps(files.config))


_offer = Offer()


def offer() -> Offer:
    """The files that this process offers."""
    return _offer
