"""What may be wrong with a data set and its split, looked for before any fitting."""
