"""The Gradio front end: layout only. The labs are in playground/labs, what moves in playground/components/src."""
