"""What modalities of plain numeric features are made of."""
