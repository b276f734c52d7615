"""What the linear model reads of long natural sequences: a kernel with training sequences.

In few thousand natural genes composition tells more than any place: which words there are, in which
stretch, in which reading frame, and the codons of the gene that begins there. A linear map of these
leaves something; Gaussian process regression, here as ridge regression on the kernel with Nystroem
landmarks (Williams and Seeger 2000, NeurIPS), does not. Both were compared on blocked inner folds
of the training rows of E. coli's and yeast's genes.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from polyome._types import FloatArray
from polyome.modalities.dna.codons import CODONS, gene_codons
from polyome.modalities.dna.kmers import count_kmers, kmer_places, num_kmers, strandless
from polyome.modalities.embeddings import LinearFeatures

MOST_LANDMARKS = 6000
"""Training sequences that others are compared with; fewer of them lose yeast's paralogues."""
SHARPNESS = 2.5
"""Kernel at the median distance of two sequences is exp(-SHARPNESS)."""
BLOCK_WEIGHTS = {
    "words": 1.0, "windows": 1.0, "frames": 1.0, "codons": 1.0, "later codons": 1.0,
    "strandless kmers": 1.0, "letters": 0.0,
}  # fmt: skip
"""How much each block of counts matters in the kernel, before validation decides."""
RAMP = 15
"""Codons at a gene's beginning, which follow rules of their own (Tuller et al. 2010, Cell)."""
_LEAST_SPREAD = 0.05


def stretch_of(length: int) -> int:
    """Length of the stretches whose reading frames are told apart, bp: 200, up to five of them.

    Examples
    --------
    >>> stretch_of(600), stretch_of(10_000)
    (200, 2000)
    """
    return max(200, -(-length // 5))


def phased_kmers(codes: Tensor, window: int) -> Tensor:
    """Count 3-mers by the window and by the reading frame that they begin in.

    Parameters
    ----------
    codes : uint8, (b, n).
    window : bp.

    Returns
    -------
    float32, (b, windows * 3 * 64).

    Examples
    --------
    >>> phased_kmers(torch.ones(1, 12, dtype=torch.uint8), 6)[0, ::64].tolist()
    [2.0, 2.0, 2.0, 2.0, 1.0, 1.0]
    """
    number = -(-codes.shape[1] // window)
    counts = torch.zeros(len(codes), number * 3 * CODONS, device=codes.device)
    if codes.shape[1] < 3:
        return counts
    numbers, known = kmer_places(codes, 3)[-1]
    place = torch.arange(numbers.shape[1], device=codes.device)
    index = (place // window * 3 + place % 3) * CODONS + numbers
    return counts.scatter_add_(1, index, known.float())


def windowed_kmers(codes: Tensor, window: int) -> Tensor:
    """Count the 1-mers to 3-mers in each window, float32 (b, windows * 84)."""
    pieces = [codes[:, start : start + window] for start in range(0, codes.shape[1], window)]
    return torch.cat([count_kmers(piece, 3) for piece in pieces], dim=1)


class GeneFeatures(LinearFeatures):
    """Kernel with training sequences, so that a linear map of it is kernel ridge regression.

    The vector that is compared has blocks of roots of counts, each count standardised: ``words``,
    the 1-mers to 4-mers of the whole; ``windows``, 1-mers to 3-mers in up to 12 windows;
    ``frames``, 3-mers by reading frame in up to 5 stretches; ``codons`` of the gene
    and its ``later codons``, without the first 15; ``strandless kmers``, 5-mers of either strand;
    ``letters``, 1-mers and 2-mers. Numbers that come with each sequence add their product.

    Parameters
    ----------
    spec : ``length`` (bp), ``landmarks``; perhaps ``block_weights``, by name, ``gene_start``
        (see :func:`polyome.modalities.dna.codons.common_start`), and ``numbers``, how many come
        with each sequence.

    Attributes
    ----------
    blocks : by name of those blocks that have a weight, how many counts it has.
    landmark_rows : see :class:`polyome.modalities.embeddings.LinearFeatures`.
    """

    def __init__(self, spec: dict[str, Any]) -> None:
        super().__init__()
        length, self.width, self.start = spec["length"], spec["landmarks"], spec.get("gene_start")
        self.window, self.stretch = max(50, -(-length // 12)), stretch_of(length)
        widths = {
            "words": num_kmers(4), "windows": 84 * -(-length // self.window),
            "frames": 3 * CODONS * -(-length // self.stretch), "codons": CODONS,
            "later codons": CODONS, "strandless kmers": 4**5, "letters": num_kmers(2),
        }  # fmt: skip
        given = spec.get("block_weights", BLOCK_WEIGHTS)  # in any order: JSON sorts by name
        self.weights = {name: given[name] for name in BLOCK_WEIGHTS if given.get(name)}
        self.blocks = {name: widths[name] for name in self.weights}
        total = sum(self.blocks.values())
        for name in ("means", "scales"):
            self.register_buffer(name, torch.zeros(total))
        points = torch.zeros(self.width, total, dtype=torch.half)  # half the file
        self.register_buffer("points", points)
        self.register_buffer("numbers", torch.zeros(self.width, spec.get("numbers", 0)))
        self.register_buffer("rate", torch.zeros(()))

    def forward(self, codes: Tensor, numbers: Tensor | None = None, **_: Tensor) -> Tensor:
        """uint8, (b, n), and perhaps float, (b, 2k) -> kernel, float (b, m)."""
        vectors = self.vectors(self.counts(codes))
        points = self.get_buffer("points").float()
        squares = torch.cdist(vectors, points, compute_mode="use_mm_for_euclid_dist").square()
        near = torch.exp(-self.get_buffer("rate") * squares)
        return near if numbers is None else near + numbers @ self.get_buffer("numbers").T

    def vectors(self, counts: Tensor) -> Tensor:
        """What is compared, of roots of counts; both float32 (b, sum of blocks)."""
        return (counts - self.get_buffer("means")) * self.get_buffer("scales")

    def counts(self, codes: Tensor) -> Tensor:
        """Roots of all counts, float32 (b, sum of blocks)."""
        words = count_kmers(codes, 5)
        made: dict[str, Callable[[], Tensor]] = {
            "words": lambda: words[:, : num_kmers(4)],
            "windows": lambda: windowed_kmers(codes, self.window),
            "frames": lambda: phased_kmers(codes, self.stretch),
            "codons": lambda: gene_codons(codes, self.start),
            "later codons": lambda: gene_codons(codes, self.start, skip=RAMP),
            "strandless kmers": lambda: strandless(words[:, num_kmers(4) :]),
            "letters": lambda: words[:, : num_kmers(2)],
        }
        return torch.cat([made[name]() for name in self.blocks], dim=1).sqrt()

    @torch.no_grad()
    def counts_of(self, windows: Any) -> Tensor:
        """`counts` of many windows, uint8 ndarray (n, length), some at a time."""
        parts = np.array_split(windows, max(1, len(windows) // 512))
        return torch.cat([self.counts(torch.from_numpy(part)) for part in parts])

    @torch.no_grad()
    def start_from(self, windows: Any, numbers: FloatArray | None) -> None:
        """Learn scales from training windows, uint8 (n, length), and take landmarks from them."""
        counts = self.counts_of(windows)
        self.get_buffer("means").copy_(counts.mean(dim=0))
        self.get_buffer("scales").copy_(self._learned_scales(counts.std(dim=0, correction=0)))
        number = min(self.width, len(counts))
        rows = np.random.default_rng(0).choice(len(counts), number, replace=False)
        self.landmark_rows = np.sort(rows)
        points = self.vectors(counts[torch.from_numpy(self.landmark_rows)])
        self.get_buffer("points").zero_()[:number] = points
        if numbers is not None:
            chosen = torch.from_numpy(numbers[self.landmark_rows])
            self.get_buffer("numbers").zero_()[:number] = chosen
        some = self.get_buffer("points")[: min(number, 1000)].float()
        self.get_buffer("rate").copy_(sharpness_of(torch.pdist(some).square()))

    def _learned_scales(self, spread: Tensor) -> Tensor:
        """One over the spread; each block then has its weight as total variance."""
        scales = 1 / spread.clamp(min=_LEAST_SPREAD)
        sizes = list(self.blocks.values())
        for own, block, weight in zip(
            spread.split(sizes), scales.split(sizes), self.weights.values(), strict=True
        ):
            block *= weight**0.5 / (own * block).square().sum().sqrt().clamp(min=1e-3)
        return scales


def sharpness_of(apart: Tensor) -> Tensor:
    """Rate at which the kernel falls with the squared distance, from some of these, (m,)."""
    median = apart.median() if len(apart) else torch.ones(())
    return SHARPNESS / median.clamp(min=1e-6)
