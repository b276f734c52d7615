"""Cheap models that stand beside every score."""
