"""A fitted model in memory, as a folder, on the hub, and its checkpoints."""
