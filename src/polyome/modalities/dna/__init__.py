"""What the sequence modality is made of: records, tokens, words, pretrained encoders."""
