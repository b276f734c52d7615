"""Pictures: as records, and as tokens."""
