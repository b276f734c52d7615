"""From letters to token embeddings, and from token states back to one representation."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from polyome._dropout import Dropout
from polyome.modalities.dna.composition_tokens import CompositionStem
from polyome.modalities.dna.kmers import KmerCounts, OneHot
from polyome.modalities.embeddings import ModalityEmbeddings

FINE_BP = 2
"""Stride up to which a token reads its detectors base by base; of more bases the strongest."""
SPACED_BP = 30
"""How far such a token is told of others by their distance."""


class Windows(nn.Module):
    """A convolution over tokens, as shifted copies side by side and one matrix product.

    On a CPU this takes half the time of ``nn.Conv1d`` at these widths, or of ``unfold``, whose
    gradient is slow.

    Parameters
    ----------
    width_in, width_out : channels.
    kernel : positions that an output sees, odd.
    """

    def __init__(self, width_in: int, width_out: int, kernel: int) -> None:
        super().__init__()
        self.kernel = kernel
        self.linear = nn.Linear(width_in * kernel, width_out)

    def forward(self, values: Tensor) -> Tensor:
        """(b, n, width_in) -> (b, n, width_out)."""
        n, half = values.shape[1], self.kernel // 2
        padded = functional.pad(values, (0, 0, half, half))
        shifted = [padded[:, i : i + n] for i in range(self.kernel)]
        outputs: Tensor = self.linear(torch.cat(shifted, dim=-1))
        return outputs


class Spacing(nn.Module):
    """What a token is told by those before and behind it, by distance, whatever its own place.

    A depthwise separable convolution (Chollet 2017, CVPR): each channel has a weight for each
    distance, then channels are mixed. Words that count at a distance from each other, such as the
    -35 and -10 boxes of a bacterial promoter, need not be learned anew at each place.

    Parameters
    ----------
    width : channels.
    reach : tokens that are seen before and behind.

    On a CPU one product with a matrix of n x n weights for each channel takes a quarter of the time
    of ``nn.Conv1d`` at these sizes. One member with and without it, reach 30 bp, on inner rows:
    Pearson's r to the truth of 20,000 simulated reporters .956 and .906, the log loss of 20,000
    human core promoters .376 and .381, r of 45,000 rows of DREAM .790 and .788 (two seeds; .758
    and .775 in one of them where it reaches 60 bp), in a tenth more time. It changed nothing in
    4,000 reporters of LaFleur nor in 5,000 human TATA promoters, whose tokens are coarser.
    """

    def __init__(self, width: int, reach: int) -> None:
        super().__init__()
        self.reach = reach
        self.by_distance = nn.Parameter(torch.zeros(width, 2 * reach + 1))
        self.mixed = nn.Linear(width, width)

    def start_at_random(self) -> None:
        """Draw the weights of distances; nothing is told yet."""
        nn.init.normal_(self.by_distance, std=self.by_distance.shape[1] ** -0.5)
        nn.init.zeros_(self.mixed.weight)
        nn.init.zeros_(self.mixed.bias)

    def forward(self, tokens: Tensor) -> Tensor:
        """(b, n, d) -> (b, n, d)."""
        place = torch.arange(tokens.shape[1], device=tokens.device)
        distance = place[:, None] - place + self.reach  # from a teller (rows) to whom it tells
        weights = self.by_distance[:, distance.clamp(0, 2 * self.reach)]
        weights = weights * ((distance >= 0) & (distance <= 2 * self.reach))
        told: Tensor = self.mixed((tokens.permute(2, 0, 1) @ weights).permute(1, 2, 0))
        return told


class Letters(nn.Module):
    """What both stems begin with: the letters around every base.

    Parameters
    ----------
    stride : bases between two tokens.
    kernel : bases that a token and a detector see, odd.
    """

    num_detectors = 128

    def __init__(self, stride: int, kernel: int) -> None:
        super().__init__()
        self.stride = stride
        self.kernel = kernel
        self.one_hot = OneHot()

    def around(self, codes: Tensor) -> Tensor:
        """uint8, (b, n) -> float, (b, n, 4 * kernel), n filled up to a whole stride."""
        half, spare = self.kernel // 2, -codes.shape[1] % self.stride
        letters = functional.pad(self.one_hot(codes), (0, 0, half, half + spare))
        return letters.unfold(1, self.kernel, 1).flatten(2)


class Stem(Letters):
    """Single nucleotides into one token per ``stride`` bases.

    Detectors look for motifs at every base, and the strongest answer within each stride counts, so
    that a motif's place between two tokens does not matter; a convolution beside them keeps where
    the letters stand.

    Parameters
    ----------
    hidden_size : width ``d`` of a token; the rest as in :class:`Letters`.

    Without the detectors, or with a quarter of them, Pearson's r on a fifth of the training rows
    was .710 instead of .740 (20,000 rows of DREAM), .903 instead of .906 (LaFleur), one member.
    """

    def __init__(self, hidden_size: int, stride: int, kernel: int) -> None:
        super().__init__(stride, kernel)
        self.windows = nn.Linear(4 * kernel, hidden_size)
        self.detectors = nn.Linear(4 * kernel, self.num_detectors)
        self.detected = nn.Linear(self.num_detectors, hidden_size, bias=False)
        self.norm = nn.LayerNorm(hidden_size)

    def forward(self, codes: Tensor) -> Tensor:
        """uint8, (b, n) -> float, (b, ceil(n / stride), d)."""
        seen = self.around(codes)
        found = strongest(self.detectors(seen), self.stride).relu()  # (b, n / stride, detectors)
        tokens = self.windows(seen[:, :: self.stride]) + self.detected(found)
        normed: Tensor = self.norm(functional.gelu(tokens))
        return normed


def strongest(values: Tensor, stride: int) -> Tensor:
    """Largest value within each stride: (b, n, c) -> (b, n / stride, c), n of whole strides.

    On a CPU ``amax`` takes an eighth of the time of the pooling, whose gradient is the quicker one.
    """
    if torch.is_grad_enabled():
        return functional.max_pool1d(values.transpose(1, 2), stride).transpose(1, 2)
    return values.unflatten(1, (-1, stride)).amax(dim=2)


class FineStem(Letters):
    """Single nucleotides into one token per one or two bases.

    The answers of all detectors at all bases of a token and of its two neighbours count, each in
    its place: motifs longer than a kernel are put together from these.

    Parameters
    ----------
    hidden_size : width ``d`` of a token; the rest as in :class:`Letters`.

    Beside the strongest answers alone (:class:`Stem`), one member on inner rows: Pearson's r .801
    after four epochs instead of .795 after five (45,000 rows of DREAM), the log loss .371 after
    three instead of .378 after four (20,000 human core promoters), in three quarters of the time.
    """

    def __init__(self, hidden_size: int, stride: int, kernel: int) -> None:
        super().__init__(stride, kernel)
        self.detectors = nn.Linear(4 * kernel, self.num_detectors)
        self.mixed = nn.Linear(stride * self.num_detectors, 3 * hidden_size)
        self.norm = nn.LayerNorm(hidden_size)

    def forward(self, codes: Tensor) -> Tensor:
        """uint8, (b, n) -> float, (b, ceil(n / stride), d)."""
        found = self.detectors(self.around(codes)).relu().unflatten(1, (-1, self.stride)).flatten(2)
        # One product for what a token tells its next, itself and the one before, then shifted.
        behind, own, ahead = self.mixed(found).chunk(3, dim=-1)  # each (b, n / stride, d)
        tokens = own + functional.pad(behind[:, :-1], (0, 0, 1, 0))
        tokens = tokens + functional.pad(ahead[:, 1:], (0, 0, 0, 1))
        normed: Tensor = self.norm(functional.gelu(tokens))
        return normed


class Composition(nn.Module):
    """What the whole sequence is made of, and roughly where: word counts -> (b, d).

    Standardised on training sequences, and heavily dropped out.
    """

    def __init__(self, hidden_size: int, length: int, most: int, dropout: float) -> None:
        super().__init__()
        self.words = KmerCounts(length, most, word=3)
        width = sum(self.words.blocks)
        self.register_buffer("means", torch.zeros(width))
        self.register_buffer("stds", torch.ones(width))
        self.dropout = Dropout(dropout)
        self.inner = nn.Linear(width, hidden_size)
        self.norm = nn.LayerNorm(hidden_size)
        self.inner_dropout = nn.Dropout(0.3)
        self.outer = nn.Linear(hidden_size, hidden_size)

    def forward(self, codes: Tensor) -> Tensor:
        """uint8, (b, n) -> float, (b, d)."""
        standardised = (self.words(codes) - self.get_buffer("means")) / self.get_buffer("stds")
        inner = functional.gelu(self.norm(self.inner(self.dropout(standardised))))
        outer: Tensor = self.outer(self.inner_dropout(inner))
        return outer


class Readout(nn.Module):
    """One representation from all token states, which keeps where things stood.

    Averages forget positions; a narrow projection of each token, laid side by side, does not.

    Parameters
    ----------
    hidden_size : width ``d``.
    num_tokens : P, the most tokens of a training record. Tokens beyond have had no place to learn;
        they count in the averages.
    """

    width = 8

    def __init__(self, hidden_size: int, num_tokens: int) -> None:
        super().__init__()
        self.narrow = nn.Linear(hidden_size, self.width)
        self.placed = nn.Linear(num_tokens * self.width, hidden_size)
        self.pooled = nn.Linear(3 * hidden_size, hidden_size)
        self.norm = nn.LayerNorm(hidden_size)

    def forward(self, opening: Tensor, states: Tensor, mask: Tensor | None) -> Tensor:
        """Read the whole segment.

        Parameters
        ----------
        opening : (b, d), the modality token as it entered the trunk.
        states : (b, 1 + p, d), final states, the modality token's first.
        mask : (b, 1 + p), or None.

        Returns
        -------
        float, (b, d).
        """
        first, tokens = states[:, 0], states[:, 1:]
        narrow = functional.gelu(self.narrow(tokens))
        if mask is None:
            mean, most = tokens.mean(dim=1), tokens.amax(dim=1)
        else:
            known = mask[:, 1:, None]
            mean = (tokens * known).sum(dim=1) / known.sum(dim=1).clamp(min=1)
            most = tokens.masked_fill(~known, -torch.inf).amax(dim=1).nan_to_num(neginf=0.0)
            narrow = narrow * known
        spare = self.placed.in_features // self.width - narrow.shape[1]
        if spare:
            narrow = functional.pad(narrow, (0, 0, 0, spare))  # negative: cut
        pooled = self.pooled(torch.cat([first, mean, most], dim=1))
        representation: Tensor = self.norm(opening + pooled + self.placed(narrow.flatten(1)))
        return representation


class SequenceEmbeddings(ModalityEmbeddings):
    """Embeds sequences: ``[M]``, which knows the composition, and tokens with learned positions.

    Parameters
    ----------
    hidden_size : width ``d`` of a token.
    spec : ``length`` (bp), ``num_tokens`` P, ``tokens`` (``nucleotide``, ``kmer`` or ``bpe``),
        ``stride``, ``kernel``, ``vocabulary`` (number of ids), ``composition`` (largest k or 0),
        ``composition_dropout``; perhaps ``numbers``, how many come with each sequence.
    """

    reads_all_tokens = True

    def __init__(self, hidden_size: int, spec: dict[str, Any]) -> None:
        super().__init__(hidden_size)
        self.num_tokens: int = spec["num_tokens"]
        self.stride: int = spec["stride"]
        self.reads_letters = spec["tokens"] in ("nucleotide", "composition")
        is_fine = spec["tokens"] == "nucleotide" and self.stride <= FINE_BP
        if spec["tokens"] == "nucleotide":
            kind = FineStem if is_fine else Stem
            self.stem: nn.Module = kind(hidden_size, spec["stride"], spec["kernel"])
        elif spec["tokens"] == "composition":
            sizes = spec["length"], spec["stride"], spec["composition"]
            self.stem = CompositionStem(
                hidden_size,
                *sizes,
                start=spec.get("gene_start"),
                dropout=spec["composition_dropout"],
            )
        else:
            self.identity = nn.Embedding(spec["vocabulary"], hidden_size, padding_idx=0)
        self.positions = nn.Parameter(torch.zeros(self.num_tokens, hidden_size))
        self.neighbours = Windows(hidden_size, hidden_size, 3)
        self.spacing = Spacing(hidden_size, SPACED_BP // self.stride) if is_fine else None
        self.composition = None
        if spec["composition"] and spec["tokens"] != "composition":
            self.composition = Composition(
                hidden_size, spec["length"], spec["composition"], spec["composition_dropout"]
            )
        self.read = Readout(hidden_size, self.num_tokens)
        self.numbers = None
        if spec.get("numbers"):
            self.numbers = nn.Linear(spec["numbers"], hidden_size)

    def start_at_random(self) -> None:
        """Draw the learned positions."""
        super().start_at_random()
        nn.init.normal_(self.positions, std=0.02)
        if self.spacing is not None:
            self.spacing.start_at_random()

    def forward(self, **inputs: Tensor) -> tuple[Tensor, Tensor | None]:
        """``codes``, uint8 (b, n); for k-mers and BPE ``ids``, int (b, p); perhaps ``numbers``.

        Returns
        -------
        Tokens (b, 1 + p, d) and their mask (b, 1 + p), None where no sequence is short; p is P, or
        more where a record has more pairs of BPE than any training record.
        """
        codes = inputs["codes"]
        if self.reads_letters:
            tokens = self.stem(codes)
            mask = any_in_stride(codes != 0, self.stride)
            spare = tokens.shape[1] - mask.shape[1]  # a token beside those of places
            mask = functional.pad(mask, (0, spare), value=True)
        else:
            tokens = self.identity(inputs["ids"])
            mask = inputs["ids"] != 0
        whole = bool(mask.all())
        if not whole:
            tokens = tokens * mask[..., None]
        near = self.neighbours(tokens)
        if self.spacing is not None:
            near = near + self.spacing(tokens)
        positions = functional.pad(self.positions, (0, 0, 0, tokens.shape[1] - self.num_tokens))
        tokens = tokens + functional.gelu(near) + positions
        summary = None if self.composition is None else self.composition(codes)
        if self.numbers is not None:
            own = self.numbers(inputs["numbers"])
            summary = own if summary is None else summary + own
        opened = self.open_segment(tokens, summary)
        return opened, None if whole else functional.pad(mask, (1, 0), value=True)

    def readout(self, tokens: Tensor, states: Tensor, mask: Tensor | None) -> Tensor:
        """Tokens and their final states, (b, 1 + P, d) -> representation (b, d)."""
        representation: Tensor = self.read(tokens[:, 0], states, mask)
        return representation


def any_in_stride(known: Tensor, stride: int) -> Tensor:
    """Which tokens see a letter of their own: bool (b, n) -> (b, ceil(n / stride))."""
    padded = functional.pad(known, (0, -known.shape[1] % stride))
    return padded.unflatten(1, (-1, stride)).any(dim=2)
