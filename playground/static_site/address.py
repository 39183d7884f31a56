"""Where a page of the playground is on the site: "./sampling?steps=20#timeline=3", as the apps have it, leads to a file."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlsplit

Place = Callable[[str], str]
"""From an address of the apps, relative to any page, to that of the site."""


def in_folder(address: str) -> str:
    """Of a site of many files, each of which is a page."""
    asked = urlsplit(address)
    return _joined(f"{asked.path.removeprefix('./') or 'index'}.html", asked.query, asked.fragment)


def in_one_file(address: str) -> str:
    """Of a site that is one file."""
    asked = urlsplit(address)
    query = "&".join(part for part in (f"page={asked.path.removeprefix('./')}", asked.query) if part)
    return _joined("", query, asked.fragment)


def _joined(path: str, query: str, fragment: str) -> str:
    return path + (f"?{query}" if query else "") + (f"#{fragment}" if fragment else "")
