"""The codons of the gene that begins in a sequence."""

import numpy as np
import torch
from torch import Tensor

from polyome._types import IntArray

CODONS = 64
COMMON = 0.8
"""Share of the training sequences with a start codon at one place, from which it is the gene's."""
_STOPS = (48, 50, 56)  # TAA, TAG, TGA, A = 0, C = 1, G = 2, T = 3, the first letter counts 16
_START = 14  # ATG


def common_start(windows: IntArray) -> int | None:
    """Where the genes of training sequences begin, if they were cut so that all begin at one place.

    Parameters
    ----------
    windows : uint8, (n, length): A = 1, C = 2, G = 3, T = 4, 0 unknown.

    Returns
    -------
    The place where most have ATG, GTG or TTG; None where fewer than ``COMMON`` of them do.

    Examples
    --------
    >>> common_start(np.array([[2, 1, 4, 3, 2, 1], [1, 3, 4, 3, 1, 1]]))
    1
    >>> common_start(np.array([[1, 4, 3, 2, 2, 2], [2, 2, 2, 1, 4, 3]])) is None
    True
    """
    if windows.shape[1] < 3:
        return None
    ends = (windows[:, 1:-1] == 4) & (windows[:, 2:] == 3)
    shares = (np.isin(windows[:, :-2], (1, 3, 4)) & ends).mean(axis=0)
    place = int(shares.argmax())
    return place if shares[place] >= COMMON else None


def gene_codons(codes: Tensor, start: int | None, skip: int = 0) -> Tensor:
    """Count the codons of the gene that begins at ``start``, up to its stop codon.

    Where ``start`` is None, those of :func:`open_frame_codons`.

    Parameters
    ----------
    codes : uint8, (b, n).
    start : place of the first codon, or None.
    skip : codons at the gene's beginning that are not counted.

    Returns
    -------
    float32, (b, 64), in alphabetical order.

    Examples
    --------
    >>> codes = torch.tensor([[2, 3, 4, 3, 2, 2, 2, 4, 1, 1, 2, 2, 2]], dtype=torch.uint8)
    >>> counts = gene_codons(codes, 1)[0]  # GTG CCC TAA, then CCC
    >>> counts[46].item(), counts[21].item(), counts[48].item(), counts.sum().item()
    (1.0, 1.0, 1.0, 3.0)
    """
    if start is None:
        return open_frame_codons(codes, skip)
    end = start + (codes.shape[1] - start) // 3 * 3
    number, known = _numbered(codes[:, start:end])
    stops = _stops(number, known).long()
    inside = known & (stops.cumsum(dim=1) - stops == 0)  # a gene's stop codon is its last
    inside[:, :skip] = False
    counts = torch.zeros(len(codes), CODONS, device=codes.device)
    return counts.scatter_add_(1, number, inside.float())


def _numbered(frame: Tensor) -> tuple[Tensor, Tensor]:
    """Numbers of the codons of a frame, (b, 3m) -> int64 (b, m), and which are known letters."""
    letters = frame.unflatten(1, (-1, 3)).long() - 1
    known = ((letters >= 0) & (letters < 4)).all(dim=2)
    number = (letters * letters.new_tensor([16, 4, 1])).sum(dim=2)
    return torch.where(known, number, 0), known


def _stops(number: Tensor, known: Tensor) -> Tensor:
    return known & torch.isin(number, number.new_tensor(_STOPS))


def open_frame_codons(codes: Tensor, skip: int = 0) -> Tensor:
    """Count the codons of the longest reading frame that is open at the end.

    Of the three frames, each from its first ATG after its last stop codon to the end, the longest.

    Parameters
    ----------
    codes : uint8, (b, n).
    skip : codons at the frame's beginning that are not counted.

    Returns
    -------
    float32, (b, 64), in alphabetical order; zeros where no frame is open.

    Examples
    --------
    >>> codes = torch.tensor([[1, 4, 3, 2, 2, 2, 2, 2, 2, 1]], dtype=torch.uint8)  # ATGCCCCCCA
    >>> counts = open_frame_codons(codes)[0]
    >>> counts[14].item(), counts[21].item(), counts.sum().item()
    (1.0, 2.0, 3.0)
    """
    counts = torch.zeros(len(codes), CODONS, device=codes.device)
    longest = torch.zeros(len(codes), 1, dtype=torch.long, device=codes.device)
    length = codes.shape[1]
    for cut in range(min(3, max(0, length - 2))):
        number, known = _numbered(codes[:, (length - cut) % 3 : length - cut])
        place = torch.arange(number.shape[1], device=codes.device)
        last_stop = torch.where(_stops(number, known), place, -1).amax(dim=1, keepdim=True)
        is_start = known & (number == _START) & (place > last_stop)
        start = torch.where(is_start, place, len(place)).amin(dim=1, keepdim=True)
        better = len(place) - start > longest
        inside = known & (place >= start + skip)
        found = torch.zeros_like(counts).scatter_add_(1, number, inside.float())
        counts = torch.where(better, found, counts)
        longest = torch.where(better, len(place) - start, longest)
    return counts
