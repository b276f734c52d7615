"""Measurements behind the numbers in README: ``make bench``, or ``make bench ONLY=row``."""
