"""The Python side of the components in src/: what each of them shows, as frozen data, and how it travels."""
