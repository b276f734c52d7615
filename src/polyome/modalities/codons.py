"""The codons of the gene that begins in a sequence."""

import torch
from torch import Tensor

CODONS = 64
_STOPS = (48, 50, 56)  # TAA, TAG, TGA, A = 0, C = 1, G = 2, T = 3, the first letter counts 16
_START = 14  # ATG


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
        frame = codes[:, (length - cut) % 3 : length - cut].unflatten(1, (-1, 3)).long() - 1
        known = ((frame >= 0) & (frame < 4)).all(dim=2)
        number = torch.where(known, (frame * frame.new_tensor([16, 4, 1])).sum(dim=2), 0)
        place = torch.arange(number.shape[1], device=codes.device)
        is_stop = known & torch.isin(number, number.new_tensor(_STOPS))
        last_stop = torch.where(is_stop, place, -1).amax(dim=1, keepdim=True)
        is_start = known & (number == _START) & (place > last_stop)
        start = torch.where(is_start, place, len(place)).amin(dim=1, keepdim=True)
        better = len(place) - start > longest
        inside = known & (place >= start + skip)
        found = torch.zeros_like(counts).scatter_add_(1, number, inside.float())
        counts = torch.where(better, found, counts)
        longest = torch.where(better, len(place) - start, longest)
    return counts
