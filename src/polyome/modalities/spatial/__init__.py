"""What the tissue modality adds to profiles: sections, neighbours and their tokens."""
