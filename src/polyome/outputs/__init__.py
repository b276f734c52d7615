"""Types of answers."""
