"""The shared trunk and the model around it."""
