"""The playground: labs, their texts in several languages, and the two front ends that show them."""

from pathlib import Path

from engine import language

language.catalogues(Path(__file__).parent / "languages")
