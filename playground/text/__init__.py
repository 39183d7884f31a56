"""What the reader reads around the figures, for both front ends: Markdown, without what only one of them understands."""
