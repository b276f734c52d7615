"""Answers for new records."""
