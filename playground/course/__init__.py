"""The course: lessons that a reader does in the labs. A lesson is a file in lessons/; nothing here needs torch but `answers`."""
