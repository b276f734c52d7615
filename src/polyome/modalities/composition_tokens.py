"""Tokens for long natural sequences: what each window is made of, and the codons of the gene.

In few thousand natural genes no single base can be learned, composition can: of windows along the
sequence, and of the reading frame that runs out of the window, which is the gene's own where a
window holds a promoter and the beginning of a gene.
"""

import torch
from torch import Tensor, nn

from polyome.modalities.codons import CODONS, open_frame_codons
from polyome.modalities.gene_features import phased_words
from polyome.modalities.kmers import count_kmers, num_kmers


def windows_of(length: int) -> int:
    """Length of a window, bp: 50, above 600 bp 100.

    Examples
    --------
    >>> windows_of(600), windows_of(1000)
    (50, 100)
    """
    return 50 if length <= 600 else 100


class CompositionStem(nn.Module):
    """One token per window, of the counts of its words, and one for the open reading frame.

    Words are the 1-mers and 2-mers, and the 3-mers by the reading frame that they begin in.

    Parameters
    ----------
    hidden_size : width ``d`` of a token.
    window : bp.
    dropout : share of the counts hidden while training.
    """

    def __init__(self, hidden_size: int, window: int, dropout: float) -> None:
        super().__init__()
        self.window = window
        self.dropout = nn.Dropout(dropout)
        self.words = nn.Linear(num_kmers(2) + 3 * CODONS, hidden_size)
        self.codons = nn.Linear(CODONS, hidden_size)
        self.norm = nn.LayerNorm(hidden_size)
        # Roots of the counts that chance gives: with them each input begins near zero.
        usual = [(window / 4**k) ** 0.5 for k in (1, 2) for _ in range(4**k)]
        usual += [(window / 3 / CODONS) ** 0.5] * 3 * CODONS
        self.register_buffer("usual", torch.tensor(usual))

    def forward(self, codes: Tensor) -> Tensor:
        """uint8, (b, n) -> float, (b, ceil(n / window) + 1, d)."""
        number = -(-codes.shape[1] // self.window)
        padded = nn.functional.pad(codes, (0, number * self.window - codes.shape[1]))
        pieces = padded.unflatten(1, (number, self.window)).flatten(0, 1)
        few = count_kmers(pieces, 2).unflatten(0, (len(codes), number))
        phased = phased_words(codes, self.window).unflatten(1, (number, 3 * CODONS))
        counts = torch.cat([few, phased], dim=2).sqrt() - self.get_buffer("usual")
        words = self.words(self.dropout(counts))
        codons = self.codons(self.dropout(open_frame_codons(codes).sqrt()))
        normed: Tensor = self.norm(nn.functional.gelu(torch.cat([words, codons[:, None]], dim=1)))
        return normed
