"""What goes wrong with disks, in words for a reader."""

from __future__ import annotations

import errno

WORDS = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the share of the disk that is allowed here is used up",
    errno.EFBIG: "a file would be larger than is allowed here",
    errno.EACCES: "writing there is not allowed",
    errno.EPERM: "writing there is not allowed",
    errno.EROFS: "the disk can only be read",
    errno.ENOENT: "its folder is gone",
    errno.ENOTDIR: "there is a file where its folder should be",
    errno.EEXIST: "there is a file where its folder should be",
    errno.EIO: "the disk does not work",
    errno.ESTALE: "the disk is out of reach",
}


class SaveError(Exception):
    """A run cannot be saved; the message is one clear sentence. Its state is as it was."""


def save_error(error: OSError) -> SaveError:
    """What to tell the reader of a disk that refuses."""
    return SaveError(f"It cannot be saved: {WORDS.get(error.errno or 0) or error.strerror or error}.")
