"""The sequence modality: DNA becomes tokens that know what they are and where they stand.

A segment is ``[M]``, which knows what the whole sequence is made of, and one token for every few
nucleotides (or for every k-mer or subword), each with a learned position.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd
import torch
from torch import nn

from polyome._errors import InputError, listed
from polyome._types import BoolArray, Encoding, IntArray
from polyome.io.cutting import AS_IN_FIT, CUTTING
from polyome.io.nucleotides import reverse_complement
from polyome.modalities.base import Modality
from polyome.modalities.dna.backbone import (
    BackboneEmbeddings,
    backbone_spec,
    check_tuning,
    start_backbones,
)
from polyome.modalities.dna.backbone_tokens import BackboneTokens
from polyome.modalities.dna.codons import common_start
from polyome.modalities.dna.composition_tokens import CompositionCounts, CompositionStem, windows_of
from polyome.modalities.dna.gene_features import BLOCK_WEIGHTS, MOST_LANDMARKS, GeneFeatures
from polyome.modalities.dna.kmers import KmerCounts, SequenceFeatures, moments
from polyome.modalities.dna.motif_tokens import MOTIF_KERNEL, MOTIF_STRIDE, MotifEmbeddings
from polyome.modalities.dna.numbers import Numbers
from polyome.modalities.dna.records import (
    SequenceRecords,
    aligned,
    cut_notes,
    length_notes,
    letter_notes,
    read_records,
    write_intervals,
)
from polyome.modalities.dna.subwords import TOKENIZERS, Subwords
from polyome.modalities.dna.tokens import Composition, SequenceEmbeddings
from polyome.modalities.dna.variation import mutated, recombined
from polyome.modalities.embeddings import LinearFeatures, ModalityEmbeddings
from polyome.outputs.prediction import Prediction

USUAL_KERNEL = 11
RICH = 20_000
"""Records from which finer tokens pay."""
LONGEST_KMER = 8
"""A vocabulary of 65,538 ids."""
GENE_BP = 400
"""Length from which sequences are taken for natural genes rather than for designed reporters."""


class SequenceModality(Modality):
    """DNA sequences of equal or unequal length.

    Parameters
    ----------
    sequence_column : where a table holds the sequences.
    tokens : ``nucleotide`` (a convolution over single nucleotides), ``motif`` (what is there, not
        where: for classes told by relations between motifs), ``kmer`` (neighbouring k-mers
        that do not overlap, from the window's left end; what is left over at its right is not
        read), ``bpe`` (byte-pair encoding learned on the training sequences),
        ``composition`` (k-mer counts of windows, and the codons of the open reading frame), or
        ``auto``: ``composition`` for sequences of 400 bp or more, else ``nucleotide``.
    stride : nucleotides between two tokens; for ``kmer`` the k. None chooses: 6 for ``kmer``; 4 for
        sequences up to ``finest_bp``, 8 up to 600 bp, above that as many as give 75 tokens; half of
        that for 20,000 records or more. Of ``composition`` the length of a window.
    kernel : nucleotides that a token sees, odd; None: 15 of motifs, else 11.
    anchor : where sequences of unequal length are lined up: ``start``, ``center`` or ``end``.
    composition : largest k of the k-mer counts that ``[M]`` knows, beside those of 3-mers in
        windows; 0 for none of both.
    composition_dropout : share of these counts hidden while training.
    linear_kmers : largest k of the linear model's k-mer counts.
    mutation_rate : share of the letters replaced at random while training.
    recombination_rate : share of the sequences that get, each time they are drawn while training,
        everything before or behind a random place from another one of their class. None: half of
        fewer than 20,000 records, which it keeps from being memorised; none of more, and none of
        motifs, whose relations it would break.
    both_strands : draw either strand while training, and average both answers; for sequences
        whose strand means nothing.
    vocabulary_size : of byte-pair encoding.
    backbone : a pretrained model that gives the tokens instead of ``tokens``: the folder of a
        Hugging Face checkpoint, or its name on the hub.
    backbone_tuning : what of it is trained: ``full``, ``frozen`` (nothing) or ``lora`` (adapters).
    trust_remote_code : run the Python code that comes with the backbone; not kept with the model.
    numbers : columns of numbers that come with each sequence.
    finest_bp : length up to which the usual stride of nucleotides is 4.
    """

    name: ClassVar[str] = "sequence"
    reading_options: ClassVar[tuple[str, ...]] = ("sequence_column", "genome", "labels", *CUTTING)
    table_name: ClassVar[str] = "the input"
    target_hint: ClassVar[str] = (
        " Labels of a FASTA: --labels TABLE, or --target file with one file per class."
    )
    answer_formats: ClassVar[tuple[str, ...]] = (".csv", ".bed")

    def __init__(
        self,
        sequence_column: str = "sequence",
        tokens: str = "nucleotide",
        *,
        stride: int | None = None,
        kernel: int | None = None,
        anchor: str = "start",
        composition: int = 5,
        composition_dropout: float = 0.7,
        linear_kmers: int = 6,
        mutation_rate: float = 0.05,
        recombination_rate: float | None = None,
        both_strands: bool = False,
        vocabulary_size: int = 512,
        backbone: str | None = None,
        backbone_tuning: str = "full",
        trust_remote_code: bool = False,
        numbers: Sequence[str] = (),
        finest_bp: int = 120,
    ) -> None:
        _check_choice("tokens", tokens, ("nucleotide", "motif", *TOKENIZERS, "composition", "auto"))
        _check_choice("anchor", anchor, ("start", "center", "end"))
        if tokens == "kmer" and stride is not None and stride > LONGEST_KMER:
            message = (
                f"stride={stride} with tokens='kmer': the vocabulary would have 4^{stride} words. "
                f"At most {LONGEST_KMER} is possible; tokens='bpe' learns longer words."
            )
            raise InputError(message)
        self.sequence_column = sequence_column
        self.tokens = tokens
        self.stride = stride
        self.kernel = kernel
        self.anchor = anchor
        self.composition = composition
        self.composition_dropout = composition_dropout
        self.linear_kmers = linear_kmers
        self.mutation_rate = mutation_rate
        self.recombination_rate = recombination_rate
        self.both_strands = both_strands
        self.vocabulary_size = vocabulary_size
        check_tuning(backbone_tuning)
        self.backbone = backbone
        self.backbone_tuning = backbone_tuning
        self.trust_remote_code = trust_remote_code
        # A backbone is large and uses all cores by itself; its code is not another process's.
        self.is_portable = backbone is None
        self.subwords_: Subwords | None = None
        self.numbers = list(numbers)
        self.finest_bp = finest_bp
        self.numbers_ = Numbers(tuple(numbers))
        self.cut_as_: dict[str, Any] = {}

    @property
    def no_scanner(self) -> str:
        """A scanner reads letters, as the linear model beside it must too."""
        if self.tokens in ("composition", "auto"):
            return f"reads composition (tokens={self.tokens}), a scanner does not. Leave tokens out"
        return ""

    def read(self, source: Any, **reading: Any) -> SequenceRecords:
        """View sequences as records.

        Parameters
        ----------
        source : a DataFrame with a column of sequences, the path of a FASTA, CSV, TSV, parquet or
            BED file, or several paths.
        reading : ``sequence_column``; ``genome``, the FASTA that BED intervals are cut from;
            ``labels``, a table of labels beside a FASTA; and how intervals are cut, see
            :class:`polyome.io.cutting.Cutting`. What is not said is as in fit.
        """
        if isinstance(source, SequenceRecords):
            return source
        column = reading.get("sequence_column") or self.sequence_column
        records = read_records(
            source,
            column,
            reading.get("genome"),
            reading.get("labels"),
            cutting={key: reading.get(key) for key in CUTTING},
            usual=self.cut_as_,
        )
        notes = self.numbers_.notes(records.table)
        if hasattr(self, "length_"):
            notes += length_notes(records.dna, self.length_, self.shortest_, self.anchor)
            notes += letter_notes(records.dna)
            notes += cut_notes(int(self.is_cut(records).sum()), len(records))
        return replace(records, notes=(*records.notes, *notes))

    def is_cut(self, records: SequenceRecords) -> BoolArray:
        """Which records have more tokens than a backbone reads, bool (n,); their ends are cut."""
        if not isinstance(self.subwords_, BackboneTokens):
            return np.zeros(len(records), bool)
        windows: Any = self.prepare(records).windows
        return self.subwords_.is_cut(windows)

    def fit(self, records: SequenceRecords) -> Self:
        """Learn the length, the subwords, and mean and spread of the k-mer counts."""
        self.cut_as_ = {key: records.cut_as[key] for key in AS_IN_FIT if key in records.cut_as}
        self.length_ = int(records.dna.lengths.max())
        self.shortest_ = int(records.dna.lengths.min())
        if self.stride is not None and self.stride > self.length_:
            message = (
                f"stride={self.stride}: the longest training sequence has {self.length_:,} bp."
            )
            raise InputError(message)
        self.tokens_ = _usual_tokens(self.tokens, self.length_)
        self.stride_ = self.stride or self._usual_stride(len(records))
        self.recombination_rate_ = self.recombination_rate
        if self.recombination_rate is None:
            is_recombined = len(records) < RICH and self.tokens_ != "motif"
            self.recombination_rate_ = 0.5 if is_recombined else 0.0
        self.numbers_.fit(records.table)
        self.subwords_ = self._learned_subwords(records)
        self.landmarks_ = min(MOST_LANDMARKS, len(records)) if self.is_gene else 0
        self.block_weights_ = dict(BLOCK_WEIGHTS)
        windows: Any = self.prepare(records).windows
        self.gene_start_ = common_start(windows) if self.is_gene else None
        if len(records) > RICH:  # as many tell mean and spread
            windows = windows[np.linspace(0, len(records) - 1, RICH).astype(int)]
        self.linear_scales_ = np.zeros(0, np.float32)
        if not self.is_gene:
            direct = SequenceFeatures(self.spec())
            self.linear_scales_ = direct.learned_scales(*moments(direct, windows))
        counts: nn.Module = KmerCounts(self.length_, self.composition, word=3)
        if self.is_gene:
            counts = CompositionCounts(
                self.length_, self.stride_, self.composition, self.gene_start_
            )
        means, squares = moments(counts, windows)
        self.word_means_ = means.astype(np.float32)
        stds = np.sqrt((squares - means**2).clip(0)).clip(0.05)
        self.word_stds_ = stds.astype(np.float32)
        return self

    def _usual_stride(self, n_records: int) -> int:
        if self.tokens_ == "composition":
            return windows_of(self.length_)
        if self.tokens_ == "motif":
            return MOTIF_STRIDE
        if self.tokens_ != "nucleotide":
            return 6
        stride = 4 if self.length_ <= self.finest_bp else max(8, -(-self.length_ // 75))
        return stride // 2 if n_records >= RICH else stride

    @property
    def is_gene(self) -> bool:
        """Whether the sequences are read by their composition."""
        return self.tokens_ == "composition"

    @property
    def kernel_(self) -> int:
        """Nucleotides that a token sees."""
        return self.kernel or (MOTIF_KERNEL if self.tokens_ == "motif" else USUAL_KERNEL)

    def _learned_subwords(self, records: SequenceRecords) -> Subwords | None:
        if self.backbone is None and self.tokens_ not in TOKENIZERS:
            return None
        texts = [records.dna.text(i) for i in range(len(records))]
        if self.backbone is not None:
            trust = self.trust_remote_code
            tokens = BackboneTokens.open(self.backbone, texts, trust_remote_code=trust)
            tokens.weights()  # damaged ones are refused here, before anything is trained
            return tokens
        learn = TOKENIZERS[self.tokens_].learn
        return learn(texts, k=self.stride_, size=self.vocabulary_size)

    def spec(self) -> dict[str, Any]:
        """Sizes for :class:`SequenceEmbeddings` and :class:`SequenceFeatures`."""
        if self.subwords_ is None:
            num_tokens, vocabulary = -(-self.length_ // self.stride_), 0
            num_tokens += self.tokens_ == "composition"
        else:
            num_tokens, vocabulary = self.subwords_.num_tokens, self.subwords_.size
        own: dict[str, Any] = {}
        if isinstance(self.subwords_, BackboneTokens):
            own = {"backbone": backbone_spec(self.subwords_, self.backbone_tuning)}
        if self.is_gene:
            own |= {
                "landmarks": self.landmarks_,
                "block_weights": dict(self.block_weights_),
                "gene_start": self.gene_start_,
            }
        if self.numbers:
            own["numbers"] = 2 * len(self.numbers)
        return own | {
            "length": self.length_,
            "num_tokens": num_tokens,
            "vocabulary": vocabulary,
            "tokens": self.tokens_,
            "stride": self.stride_,
            "kernel": self.kernel_,
            "composition": self.composition,
            "composition_dropout": self.composition_dropout,
            "linear_kmers": self.linear_kmers,
        }

    @staticmethod
    def embeddings(config: Any, spec: dict[str, Any]) -> ModalityEmbeddings:
        """Build the embeddings."""
        if "backbone" in spec:
            return BackboneEmbeddings(config.hidden_size, spec)
        if spec["tokens"] == "motif":
            return MotifEmbeddings(config.hidden_size, spec)
        return SequenceEmbeddings(config.hidden_size, spec)

    @staticmethod
    def features(spec: dict[str, Any]) -> LinearFeatures:
        """Build what the linear model reads."""
        return GeneFeatures(spec) if "landmarks" in spec else SequenceFeatures(spec)

    def start_from(self, module: nn.Module, records: SequenceRecords) -> None:
        """Give k-mer counts the moments of training sequences, a backbone its weights.

        Moments are those of the whole training part, which differ little from a fold's; landmarks
        are these sequences'.
        """
        if isinstance(self.subwords_, BackboneTokens):
            start_backbones(module, self.subwords_)
        for part in module.modules():
            if isinstance(part, Composition | CompositionStem):
                part.get_buffer("means").copy_(torch.from_numpy(self.word_means_))
                part.get_buffer("stds").copy_(torch.from_numpy(self.word_stds_))
            if isinstance(part, GeneFeatures):
                own = self.numbers_.read(records.table) if self.numbers else None
                part.start_from(self.prepare(records).windows, own)
            if isinstance(part, SequenceFeatures):
                part.get_buffer("scales").copy_(torch.from_numpy(self.linear_scales_))

    def prepare(self, records: SequenceRecords) -> SequenceRecords:
        """Lay the sequences out in windows of the model's length, lined up at the anchor."""
        if records.windows is not None:
            return records
        return replace(records, windows=aligned(records.dna, self.length_, self.anchor))

    def keys(self, records: SequenceRecords) -> IntArray:
        """Of each record's name and letters, uint64 (n,)."""
        named = [f"{name} {records.dna.text(i)}" for i, name in enumerate(records.table.index)]
        return np.asarray(pd.util.hash_array(np.array(named, dtype=object)))

    def augmented(
        self, records: SequenceRecords, rng: np.random.Generator, kinds: IntArray | None
    ) -> SequenceRecords:
        """Recombine, replace letters at random; draw either strand where strands mean nothing."""
        records = self.prepare(records)
        windows: Any = records.windows
        if self.both_strands:
            other: Any = self._other_strand(records).windows
            windows = np.where(rng.random(len(windows))[:, None] < 0.5, windows, other)
        if self.recombination_rate_ and kinds is not None:
            windows = recombined(windows, kinds, self.recombination_rate_, rng)
        if self.mutation_rate:
            windows = mutated(windows, self.mutation_rate, rng)
        return replace(records, windows=windows)

    def views(self, records: SequenceRecords) -> list[SequenceRecords]:
        """Both strands where strands mean nothing; their answers are averaged."""
        return [records, self._other_strand(records)] if self.both_strands else [records]

    def _other_strand(self, records: SequenceRecords) -> SequenceRecords:
        other = replace(records, dna=reverse_complement(records.dna), windows=None)
        return self.prepare(other)

    def encode(self, records: SequenceRecords) -> list[Encoding]:
        """``codes``, uint8 (length,); for k-mers and BPE ``ids``, int32 (P,), too."""
        windows: Any = self.prepare(records).windows
        parts: dict[str, Any] = {"codes": windows}
        if self.subwords_ is not None:
            parts["ids"] = self.subwords_.encode(windows)
        if self.numbers:
            parts["numbers"] = self.numbers_.read(records.table)
        return [dict(zip(parts, rows, strict=True)) for rows in zip(*parts.values(), strict=True)]

    def state(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        """Settings, lengths and subwords; moments of the k-mer counts."""
        settings = {name: getattr(self, name) for name in _SETTINGS}
        subwords = None if self.subwords_ is None else self.subwords_.to_dict()
        learned = {
            "length": self.length_,
            "shortest": self.shortest_,
            "stride": self.stride_,
            "tokens": self.tokens_,
            "landmarks": self.landmarks_,
            "block_weights": self.block_weights_,
            "gene_start": self.gene_start_,
            "subwords": subwords,
            "cut_as": self.cut_as_,
        }
        arrays = {name: getattr(self, f"{name}_") for name in _ARRAYS}
        arrays |= {"number_means": self.numbers_.means, "number_stds": self.numbers_.stds}
        return {"settings": settings, "learned": learned}, arrays

    @classmethod
    def from_state(cls, settings: dict[str, Any], arrays: dict[str, np.ndarray]) -> Self:
        """Restore what :meth:`state` gave."""
        modality = cls(**settings["settings"])
        learned = settings["learned"]
        modality.length_, modality.shortest_ = learned["length"], learned["shortest"]
        modality.stride_, modality.tokens_ = learned["stride"], learned["tokens"]
        modality.landmarks_ = learned["landmarks"]
        modality.block_weights_ = learned["block_weights"]
        modality.gene_start_ = learned["gene_start"]
        modality.cut_as_ = learned.get("cut_as", {})  # models of BED of before had no windows
        modality.numbers_.means = arrays["number_means"]
        modality.numbers_.stds = arrays["number_stds"]
        if learned["subwords"] is not None:
            kind = TOKENIZERS[modality.tokens_] if modality.backbone is None else BackboneTokens
            modality.subwords_ = kind.from_dict(learned["subwords"])
        for name in _ARRAYS:
            setattr(modality, f"{name}_", arrays[name])
        return modality

    def write(self, records: SequenceRecords, answers: Prediction, path: Path) -> None:
        """Write BED: the intervals with label and confidence (score 0 to 1000)."""
        write_intervals(records, answers, path)


_ARRAYS = ("linear_scales", "word_means", "word_stds")
_SETTINGS = (
    "sequence_column", "tokens", "stride", "kernel", "anchor", "composition",
    "composition_dropout", "linear_kmers", "mutation_rate", "recombination_rate", "both_strands",
    "vocabulary_size", "backbone", "backbone_tuning", "numbers", "finest_bp",
)  # fmt: skip


def _usual_tokens(tokens: str, length: int) -> str:
    """What the records' length calls for, where nothing was chosen."""
    if tokens != "auto":
        return tokens
    return "composition" if length >= GENE_BP else "nucleotide"


def _check_choice(key: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        message = f"{key}={value!r} is not known. Known: {listed(known)}."
        raise InputError(message)
