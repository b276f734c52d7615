"""Expression profiles, which cells and tissue share: matrices, genes, scaling, tokens."""
