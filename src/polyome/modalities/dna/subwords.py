"""Tokenizers that give sequences ids instead of a convolution: k-mers, and byte-pair encoding."""

from abc import ABC, abstractmethod
from typing import Any, ClassVar, Self

import numpy as np
from tokenizers import Tokenizer, decoders, models, trainers

from polyome._types import BoolArray, IntArray
from polyome.io.nucleotides import Codes, kmer_numbers, texts


class Subwords(ABC):
    """Turns windows into ids: 0 is padding, 1 is a token that is not in the vocabulary.

    Attributes
    ----------
    num_tokens : P, the most tokens of a training record, whose places the model knows. Records
        with more have a place each too; they count by what they are, not by where they stand.
    size : number of ids.
    """

    name: ClassVar[str]
    num_tokens: int
    size: int

    @classmethod
    @abstractmethod
    def learn(cls, texts: list[str], *, k: int, size: int) -> Self:
        """Learn from training sequences."""

    @abstractmethod
    def encode(self, windows: Codes) -> IntArray:
        """uint8, (n, length) -> int32, (n, P), or more columns where a record has more tokens."""

    def is_cut(self, windows: Codes) -> BoolArray:
        """Which windows have more tokens than are read, bool (n,); none, unless there is a limit.

        Examples
        --------
        >>> Kmers(2, num_tokens=2).is_cut(np.array([[1, 1, 1, 2, 4]], np.uint8)).tolist()
        [False]
        """
        return np.zeros(len(windows), bool)

    @abstractmethod
    def to_dict(self) -> dict[str, Any]:
        """For JSON."""

    @classmethod
    @abstractmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """Restore what :meth:`to_dict` gave."""


class Kmers(Subwords):
    """Neighbouring k-mers that do not overlap, as in the Nucleotide Transformer.

    Dalla-Torre et al., Nature Methods 2025. All k-mers of A, C, G and T are in the vocabulary.

    Examples
    --------
    >>> Kmers(2, num_tokens=2).encode(np.array([[1, 1, 1, 2, 4]], np.uint8)).tolist()
    [[2, 3]]
    """

    name: ClassVar[str] = "kmer"

    def __init__(self, k: int, num_tokens: int) -> None:
        self.k = k
        self.num_tokens = num_tokens
        self.size = 4**k + 2

    @classmethod
    def learn(cls, texts: list[str], *, k: int, size: int) -> Self:
        """Take the longest sequence's number of k-mers; ``size`` is not used."""
        del size
        return cls(k, max(1, max(map(len, texts)) // k))

    def encode(self, windows: Codes) -> IntArray:
        """uint8, (n, length) -> int32, (n, P)."""
        ids = np.zeros((len(windows), self.num_tokens), np.int32)
        numbers = kmer_numbers(windows, self.k)[:, :: self.k][:, : self.num_tokens]
        starts = windows[:, : numbers.shape[1] * self.k : self.k]
        ids[:, : numbers.shape[1]] = np.where(numbers < 0, np.where(starts == 0, 0, 1), numbers + 2)
        if not numbers.shape[1]:
            ids[:, 0] = 1
        return ids

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {"k": self.k, "num_tokens": self.num_tokens}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """Restore what :meth:`to_dict` gave."""
        return cls(**values)


class BytePairs(Subwords):
    """Byte-pair encoding (Sennrich et al., ACL 2016), as DNABERT-2 uses it; by `tokenizers`."""

    name: ClassVar[str] = "bpe"

    def __init__(self, tokenizer: Tokenizer, num_tokens: int) -> None:
        self.tokenizer = tokenizer
        self.num_tokens = num_tokens
        self.size = tokenizer.get_vocab_size()

    @classmethod
    def learn(cls, texts: list[str], *, k: int, size: int) -> Self:
        """Merge frequent pairs until there are ``size`` ids; ``k`` is not used."""
        del k
        tokenizer = Tokenizer(models.BPE(unk_token="[UNK]", fuse_unk=True))
        tokenizer.decoder = decoders.BPEDecoder()
        trainer = trainers.BpeTrainer(
            vocab_size=size, special_tokens=["[PAD]", "[UNK]"], show_progress=False
        )
        tokenizer.train_from_iterator(texts, trainer)
        longest = max(len(found.ids) for found in tokenizer.encode_batch(texts))
        return cls(tokenizer, longest)

    def encode(self, windows: Codes) -> IntArray:
        """uint8, (n, length) -> int32, (n, P), or more columns where a record has more pairs."""
        found = [each.ids for each in self.tokenizer.encode_batch(texts(windows))]
        return side_by_side(found, self.num_tokens)

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {"tokenizer": self.tokenizer.to_str(), "num_tokens": self.num_tokens}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """Restore what :meth:`to_dict` gave."""
        return cls(Tokenizer.from_str(values["tokenizer"]), values["num_tokens"])


def side_by_side(ids: list[list[int]], least: int) -> IntArray:
    """Lay out ids, int32, (n, columns): as many as the longest needs, and at least so many.

    Examples
    --------
    >>> side_by_side([[5, 6], [7]], 1).tolist()
    [[5, 6], [7, 0]]
    """
    table = np.zeros((len(ids), max([least, *map(len, ids)])), np.int32)
    for line, found in zip(table, ids, strict=True):
        line[: len(found)] = found
    return table


TOKENIZERS: dict[str, type[Subwords]] = {Kmers.name: Kmers, BytePairs.name: BytePairs}
