"""Networks as a page gets them: with their weights inside, or with an address at which it fetches them once.

An address is made of the hash of the weights, so that a browser may keep what it has fetched for ever, and nobody is answered
who was not given it. serving/weights.py answers at these addresses.
"""

from __future__ import annotations

import base64
import hashlib
import json
import threading
from collections import OrderedDict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from playground.components.payloads.encoding import Payload

if TYPE_CHECKING:
    from torch import nn

FOLDER = "weights"
"""Of the addresses, relative to the page: they hold behind a base path and a share link."""
MOST_BYTES = 256_000_000
"""Of the weights that are kept to be fetched; the last ones always are."""


@dataclass(frozen=True)
class SentNetwork(Payload):
    """A network in half precision, for sent_network.js.

    config: JSON, as `network_files` gives it.
    hash, bytes: SHA-256 of the weights, a safetensors file, as 64 hexadecimal digits; and its length.
    url: where the page fetches them, relative to it; "" where they are in `base64`.
    """

    config: str
    hash: str
    bytes: int
    url: str = ""
    base64: str = ""


class Offer:
    """Weights that pages may fetch, by their hash. Any thread may call any method.

    Args:
        most_bytes: that are kept; those that were offered or fetched longest ago are dropped first.
    """

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._most = most_bytes
        self._lock = threading.Lock()
        self._weights: OrderedDict[str, bytes] = OrderedDict()
        self._known: WeakKeyDictionary[nn.Module, SentNetwork] = WeakKeyDictionary()

    def network(self, net: nn.Module) -> SentNetwork:
        """This network with an address, at which its weights are from now on. Raises TypeError as `network_files`."""
        with self._lock:
            known = self._known.get(net)
            if known is not None and known.hash in self._weights:
                self._weights.move_to_end(known.hash)
                return known
        sent, weights = _described(net)
        sent = replace(sent, url=f"{FOLDER}/{sent.hash}")
        with self._lock:
            self._known[net] = sent
            self._weights[sent.hash] = weights
            self._weights.move_to_end(sent.hash)
            while len(self._weights) > 1 and sum(map(len, self._weights.values())) > self._most:
                self._weights.popitem(last=False)
        return sent

    def weights(self, hash: str) -> bytes | None:
        """The weights with this hash; None where none were offered, or they were dropped."""
        with self._lock:
            if hash in self._weights:
                self._weights.move_to_end(hash)
            return self._weights.get(hash)


def enclosed(net: nn.Module) -> SentNetwork:
    """This network with its weights inside, for a page that asks for nothing. Raises TypeError as `network_files`."""
    sent, weights = _described(net)
    return replace(sent, base64=base64.b64encode(weights).decode("ascii"))


def _described(net: nn.Module) -> tuple[SentNetwork, bytes]:
    from playground.browser.network import network_files  # torch: the server that answers starts without it

    files = network_files(net, half=True)
    digest = hashlib.sha256(files.weights).hexdigest()
    return SentNetwork(json.dumps(files.config), digest, len(files.weights)), files.weights


_offer = Offer()


def offer() -> Offer:
    """The weights that this process offers."""
    return _offer
