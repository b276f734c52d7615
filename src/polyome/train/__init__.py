"""Training: a thin layer over transformers' Trainer, and calibration on validation rows."""
