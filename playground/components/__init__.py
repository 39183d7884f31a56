"""Interactive figures, drawn in the browser: ES modules in src/, and their Python side in payloads/."""
