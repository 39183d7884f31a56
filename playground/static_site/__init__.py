"""The playground without a server: pages that a browser opens from a folder, and pages that are one file.

`python -m playground.browser build`. What the labs show is computed when the site is built (`pages`); pictures are sampled by
the reader's browser.
"""
