"""Built-in data, simulators whose truth is known, and real sets fetched by name."""
