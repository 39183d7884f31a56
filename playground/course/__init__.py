"""The course: lessons that a reader does in the labs. A lesson is a file in lessons/; only `answers` needs the engine."""
