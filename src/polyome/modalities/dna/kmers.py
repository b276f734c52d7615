"""k-mers and letters inside a model: what the linear model reads of a sequence."""

from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from polyome._types import FloatArray
from polyome.io.nucleotides import Codes, base_shares
from polyome.modalities.embeddings import LinearFeatures

_LONGEST_WITH_PLACES = 1000  # bp; beyond it there are more places than examples
_AT_A_TIME = 512  # sequences while learning scales


def num_kmers(most: int) -> int:
    """Return the number of different k-mers from 1 to ``most``.

    Examples
    --------
    >>> num_kmers(2)
    20
    """
    return sum(4**k for k in range(1, most + 1))


def kmer_places(codes: Tensor, most: int) -> list[tuple[Tensor, Tensor]]:
    """Number the k-mers of each k from 1 to ``most`` at each position.

    Parameters
    ----------
    codes : uint8, (b, n).

    Returns
    -------
    For each k the numbers, int64 (b, n - k + 1), in alphabetical order from 0, and whether all k
    letters are one of A, C, G, T; where they are not, the number is 0.
    """
    letters = codes.long() - 1
    is_base = (letters >= 0) & (letters < 4)
    numbers, known, found = letters, is_base, []
    for k in range(1, min(most, codes.shape[1]) + 1):
        if k > 1:
            numbers = numbers[:, :-1] * 4 + letters[:, k - 1 :]
            known = known[:, :-1] & is_base[:, k - 1 :]
        found.append((torch.where(known, numbers, 0), known))
    return found


def count_kmers(codes: Tensor, most: int) -> Tensor:
    """Count all k-mers from 1 to ``most``: uint8 (b, n) -> float32 (b, sum of 4**k).

    The k-mers of one k stand together, in alphabetical order; a k-mer with any letter but A, C, G
    and T is not counted.

    Examples
    --------
    >>> count_kmers(torch.tensor([[1, 1, 2]], dtype=torch.uint8), 2)[0, [0, 1, 4, 5]].tolist()
    [2.0, 1.0, 1.0, 1.0]
    """
    counts = torch.zeros(len(codes), num_kmers(most), device=codes.device)
    start = 0
    for k, (numbers, known) in enumerate(kmer_places(codes, most), start=1):
        counts.scatter_add_(1, numbers + start, known.float())
        start += 4**k
    return counts


def strandless(counts: Tensor) -> Tensor:
    """Give each k-mer the count of both strands: float (b, 4**k), in alphabetical order.

    Examples
    --------
    >>> strandless(torch.tensor([[1.0, 2.0, 4.0, 8.0]]))  # A and T, C and G together
    tensor([[9., 6., 6., 9.]])
    """
    left = torch.arange(counts.shape[1], device=counts.device)
    turned = torch.zeros_like(left)
    while left.any():
        turned, left = turned * 4 + 3 - left % 4, left // 4
    return counts + counts[:, turned]


class OneHot(nn.Module):
    """Letters as shares of A, C, G and T: (b, n) -> (b, n, 4); N is a quarter of each."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("shares", torch.from_numpy(base_shares()))

    def forward(self, codes: Tensor) -> Tensor:
        """uint8, (b, n) -> float, (b, n, 4); zeros at padding."""
        shares: Any = self.shares
        return nn.functional.embedding(codes.int(), shares)


class KmerCounts(nn.Module):
    """Square roots of k-mer counts: of the whole sequence, and of words in windows along it.

    Windows of 16 bp every 8 bp (longer above 400 bp) say what stands about where.

    Parameters
    ----------
    length : of the sequences, bp.
    most : largest k counted over the whole sequence; 0 for none.
    word : k counted in windows.
    """

    shortest_step = 8
    most_windows = 50

    def __init__(self, length: int, most: int, word: int) -> None:
        super().__init__()
        self.most = most
        self.word = word
        num_words = max(0, length - self.word + 1)
        self.step = max(self.shortest_step, -(-length // self.most_windows))
        num_windows = -(-num_words // self.step)
        self.blocks = (num_kmers(most), 4**self.word * num_windows)
        self.register_buffer("windows", _windows(num_words, self.step))

    def forward(self, codes: Tensor) -> Tensor:
        """uint8, (b, n) -> float, (b, sum of blocks)."""
        whole = count_kmers(codes, self.most)
        counts = torch.zeros(len(codes), self.blocks[1], device=codes.device)
        if self.blocks[1]:
            numbers, known = kmer_places(codes, self.word)[-1]
            windows: Any = self.windows
            for window in windows:
                inside = known & (window >= 0)
                places = torch.where(inside, window * 4**self.word + numbers, 0)
                counts.scatter_add_(1, places, inside.float())
        return torch.cat([whole, counts], dim=1).sqrt()

    def found(self, codes: Tensor) -> tuple[Tensor, Tensor]:
        """The same counts word by word: of most k-mers a sequence has none.

        Parameters
        ----------
        codes : uint8, (b, n).

        Returns
        -------
        For every word its place among the features, int64 (b, m), and its part of what stands
        there, float (b, m): of a k-mer that is there nine times each has a third.
        """
        places = [torch.zeros(len(codes), 0, dtype=torch.long, device=codes.device)]
        shares = [places[0].float()]
        start = 0
        for k, (numbers, known) in enumerate(kmer_places(codes, self.most), start=1):
            places.append(numbers + start)
            shares.append(_shares(numbers, known, 4**k))
            start += 4**k
        start, width = self.blocks
        if width:
            numbers, known = kmer_places(codes, self.word)[-1]
            windows: Any = self.windows
            inside = (known & (windows >= 0)[:, None]).transpose(0, 1).flatten(1)  # both windows'
            placed = (windows[:, None] * 4**self.word + numbers).transpose(0, 1).flatten(1)
            placed = torch.where(inside, placed, 0)
            places.append(placed + start)
            shares.append(_shares(placed, inside, width))
        return torch.cat(places, dim=1), torch.cat(shares, dim=1)


def _shares(numbers: Tensor, known: Tensor, width: int) -> Tensor:
    """The root of each number's count, divided among its occurrences: (b, n) -> float, (b, n)."""
    counts = torch.zeros(len(numbers), width, device=numbers.device)
    counts.scatter_add_(1, numbers, known.float())
    return counts.gather(1, numbers).clamp(min=1).rsqrt() * known


class SequenceFeatures(LinearFeatures):
    """Features of the linear model, most of them zero.

    Three blocks: :class:`KmerCounts` of the whole sequence, the letter and the pair of letters at
    each position (up to 1,000 bp), and :class:`KmerCounts` of 4-mers in windows.

    Parameters
    ----------
    spec : ``length`` (bp), ``linear_kmers``; perhaps ``numbers``, how many come with each sequence;
        these are not scaled here.
    """

    is_sparse: ClassVar[bool] = True
    penalties: ClassVar[tuple[float, ...] | None] = (1.0, 3.0, 10.0, 30.0)  # blocks of variance 1

    def __init__(self, spec: dict[str, Any]) -> None:
        super().__init__()
        self.length: int = spec["length"]
        self.one_hot = OneHot()
        self.words = KmerCounts(self.length, spec["linear_kmers"], word=4)
        places = self.length if self.length <= _LONGEST_WITH_PLACES else 0
        whole, windowed = self.words.blocks
        self.blocks = (whole, 4 * places + 16 * max(0, places - 1), windowed)
        self.register_buffer("scales", torch.ones(sum(self.blocks)))
        self.width = sum(self.blocks) + spec.get("numbers", 0)

    def forward(self, codes: Tensor, numbers: Tensor | None = None, **_: Tensor) -> Tensor:
        """uint8, (b, n), and perhaps float, (b, 2k) -> float, (b, f)."""
        scales: Any = self.scales
        whole, windowed = self.words(codes).split(self.words.blocks, dim=1)
        scaled = torch.cat([whole, self._placed(codes), windowed], dim=1) * scales
        return scaled if numbers is None else torch.cat([scaled, numbers], dim=1)

    def weighed(self, linear: nn.Module, **inputs: Tensor) -> Tensor:
        """Map the features, (b, f) -> (b, c), without the many zeros where there are many.

        A sixth of the time at 81 bp, a third at 300; above 3,000 bp it would take longer.
        """
        codes = inputs["codes"]
        if self.length > _LONGEST_WITH_PLACES or not _is_plain(linear, codes):
            return super().weighed(linear, **inputs)
        weight: Any = linear.weight
        bias: Any = linear.bias
        scales: Any = self.scales
        whole, placed, _ = self.blocks
        known = weight[:, : len(scales)] * scales
        outputs: Tensor = self._placed(codes) @ known[:, whole : whole + placed].T + bias
        places, shares = self.words.found(codes)
        if places.shape[1]:
            table = torch.cat([known[:, :whole], known[:, whole + placed :]], dim=1).T.contiguous()
            outputs = outputs + nn.functional.embedding_bag(
                places, table, per_sample_weights=shares, mode="sum"
            )
        if "numbers" in inputs:
            outputs = outputs + inputs["numbers"] @ weight[:, len(scales) :].T
        return outputs

    def _placed(self, codes: Tensor) -> Tensor:
        """The letter and the pair at each position, (b, 4 n + 16 (n - 1))."""
        if not self.blocks[1]:
            return torch.zeros(len(codes), 0, device=codes.device)
        letters = self.one_hot(codes).flatten(1)
        if self.length < 2:
            return letters
        numbers, known = kmer_places(codes, 2)[1]
        pairs = nn.functional.one_hot(numbers, 16) * known[..., None]
        return torch.cat([letters, pairs.flatten(1).float()], dim=1)

    def learned_scales(self, means: FloatArray, squares: FloatArray) -> FloatArray:
        """Scales, float32 (f,), from mean and mean square of each unscaled feature, (f,).

        Counts are divided by the root of their standard deviation, which leaves frequent k-mers
        some of their weight; each block then has a total variance of 1.
        """
        spread = np.sqrt((squares - means**2).clip(0))
        scales = 1 / np.sqrt(spread.clip(0.02))
        scales[self.blocks[0] : self.blocks[0] + self.blocks[1]] = 1
        start = 0
        for width in self.blocks:
            block = slice(start, start + width)
            scales[block] /= np.sqrt(((spread[block] * scales[block]) ** 2).sum().clip(1e-6))
            start += width
        return scales.astype(np.float32)


def moments(features: nn.Module, windows: Codes) -> tuple[FloatArray, FloatArray]:
    """Mean and mean square of each feature of sequences, float64 (f,).

    Parameters
    ----------
    windows : uint8, (n, length).

    Examples
    --------
    >>> means, squares = moments(torch.nn.Flatten(), np.array([[1, 3], [3, 3]], np.uint8))
    >>> means.tolist(), squares.tolist()
    ([2.0, 3.0], [5.0, 9.0])
    """
    total = squares = torch.zeros(())
    for start in range(0, len(windows), _AT_A_TIME):
        found = features(torch.from_numpy(windows[start : start + _AT_A_TIME]))
        total = total + found.sum(0, dtype=torch.float64)
        squares = squares + found.square().sum(0, dtype=torch.float64)
    return (total / len(windows)).numpy(), (squares / len(windows)).numpy()


def _is_plain(linear: nn.Module, codes: Tensor) -> bool:
    """Whether a layer is as it was built: float32 on a CPU, neither quantised nor elsewhere."""
    if type(linear) is not nn.Linear or torch.is_autocast_enabled(codes.device.type):
        return False
    weight = linear.weight
    return weight.dtype == torch.float32 and weight.device == codes.device == torch.device("cpu")


def _windows(num_words: int, step: int) -> Tensor:
    """The two windows of ``2 * step`` words that hold each word, int64 (2, words); -1 for none."""
    place = torch.arange(num_words)
    own = place // step
    other = own + torch.where(place % step >= step - step // 2, 1, -1)
    other[(other < 0) | (other >= -(-num_words // step))] = -1
    return torch.stack([own, other])
