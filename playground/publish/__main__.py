"""python -m playground.publish --space USER/NAME [--streamlit | --static] [--dry-run [--out DIR]]"""

from __future__ import annotations

import argparse
import os
import re
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from engine.cli.common import named_path
from engine.storage.disk_errors import sentence
from playground.publish.staging import SDKS, PublishError, stage

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,95}")
WRONG_NAME = (
    "A Space is named USER/NAME, such as ada/diffusion-playground: letters, digits, “-”, “_” and “.”, at most 96 each."
)
NO_TOKEN = (
    "You are not logged in to the Hugging Face Hub: run “hf auth login”, or set HF_TOKEN to a token that may write. "
    "--dry-run shows what would go up without one."
)
WRONG_TOKEN = "The Hub does not accept this token, or it may not write there: make one that may, and log in again."


def main(arguments: Sequence[str]) -> int:
    """Stage, and unless it is a dry run upload. Returns the exit status."""
    parser = argparse.ArgumentParser("python -m playground.publish", description="Publish the playground as a Space.")
    parser.add_argument(
        "--space", required=True, metavar="USER/NAME", help="which Space; it is made where there is none"
    )
    kinds = parser.add_mutually_exclusive_group()
    kinds.add_argument(
        "--streamlit", action="store_true", help="the Streamlit app, in a container, instead of the Gradio app"
    )
    kinds.add_argument(
        "--static",
        action="store_true",
        help="the pages that need no server, instead of the Gradio app: free on the Hub",
    )
    parser.add_argument("--dry-run", action="store_true", help="show what would go up, without the network")
    parser.add_argument(
        "--out", type=named_path, metavar="DIR", help="with --dry-run: keep what would go up in this empty folder"
    )
    given = parser.parse_args(arguments)
    if given.out is not None and not given.dry_run:
        parser.error("--out goes with --dry-run.")
    front_end = "streamlit" if given.streamlit else "static" if given.static else "gradio"
    try:
        check_name(given.space)
        if not given.dry_run:
            check_token()
        with tempfile.TemporaryDirectory(prefix="space-") as temporary:
            target = given.out or Path(temporary)
            files = stage(front_end, target)
            _show(target, files)
            if given.dry_run:
                print(f"A dry run: nothing was sent to {given.space}.")
            else:
                print(f"Published: {upload(given.space, front_end, target)}")
    except PublishError as problem:
        print(problem, file=sys.stderr)
        return 1
    except OSError as problem:  # of the temporary folder
        print(sentence(problem), file=sys.stderr)
        return 1
    return 0


def check_name(name: str) -> None:
    """Raise PublishError for what cannot be the name of a Space."""
    parts = name.split("/")
    if len(parts) != 2 or any(not NAME.fullmatch(part) or ".." in part or "--" in part for part in parts):
        raise PublishError(WRONG_NAME)


def check_token() -> None:
    """Raise PublishError where nobody is logged in."""
    from huggingface_hub import get_token

    if get_token() is None:
        raise PublishError(NO_TOKEN)


def upload(name: str, front_end: str, folder: Path, api: Any = None) -> str:
    """Make the Space where there is none, and let it hold just these files. Returns its address.

    Args:
        name: USER/NAME.
        front_end: of `SDKS`.
        folder: what was staged.
        api: an `HfApi`, or what behaves like one.

    Raises:
        PublishError: with one sentence, whatever went wrong on the way.
    """
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError

    api = api or HfApi()
    try:
        address = api.create_repo(name, repo_type="space", space_sdk=SDKS[front_end], exist_ok=True)
        # Everything that is not staged goes: an earlier version must leave nothing behind.
        api.upload_folder(
            repo_id=name, folder_path=folder, repo_type="space", commit_message="Publish", delete_patterns="*"
        )
    except HfHubHTTPError as error:
        status = getattr(getattr(error, "response", None), "status_code", None)
        said = (
            WRONG_TOKEN
            if status in (401, 403)
            else f"The Hub refused it: {getattr(error, 'server_message', '') or error}"
        )
        raise PublishError(" ".join(said.split())[:400]) from error
    except Exception as error:  # of whatever library carries the bytes: no network, a broken line, a full disk
        why = " ".join(str(error).split())[:200]
        raise PublishError(f"The Hub cannot be reached, so nothing, or not all of it, was published: {why}") from error
    return str(address)


def _show(folder: Path, files: list[Path]) -> None:
    total = 0
    for file in files:
        size = os.path.getsize(folder / file)
        total += size
        print(f"{size:>10,}  {file}")
    print(f"{len(files)} files, {total / 1e6:.1f} MB")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
