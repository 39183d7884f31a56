"""Files that are there whole or not at all, and checked when they are read: JSON, safetensors, checkpoints."""
