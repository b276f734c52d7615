"""Verbs of sequences: scan, variants, mutagenesis, distilling a scanner."""
