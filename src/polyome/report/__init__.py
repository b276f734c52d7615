"""Figures of what a model does, and the one file that shows them all."""
