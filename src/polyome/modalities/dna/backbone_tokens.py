"""The tokenizer of a pretrained DNA model, as one of the sequence modality's tokenizers."""

import warnings
from typing import Any, ClassVar, Self

import numpy as np
from torch import Tensor

from polyome._errors import InputError, PolyomeWarning, listed
from polyome._types import BoolArray, IntArray
from polyome.io.nucleotides import LETTERS, UNKNOWN_BASE, Codes, texts
from polyome.modalities.dna.checkpoint import located, open_checkpoint
from polyome.modalities.dna.pretrained import Blueprint
from polyome.modalities.dna.subwords import Subwords, side_by_side

# Checkpoints know A, C, G, T and mostly N, none of the other IUPAC letters.
_PLAIN = str.maketrans(dict.fromkeys(LETTERS[5:], LETTERS[UNKNOWN_BASE]))
_LEARNED_OFFSET = ("esm", "roberta", "xlm-roberta", "camembert")
"""Types whose first position is numbered after the padding token."""
_ENDLESS = 10**6  # a tokenizer without a limit says 1e30
_RUN = 60  # letters of one kind; a multiple of usual k
_PROBED = 500  # training sequences on which a tokenizer is tried


class BackboneTokens(Subwords):
    """The tokenizer of a checkpoint.

    Its ids are shifted by one, so that 0 is padding here as for every tokenizer; special tokens
    that the model expects (``<cls>``, ``[SEP]``) are tokens like others.

    Parameters
    ----------
    blueprint : what builds the checkpoint's model and tokenizer.
    files : texts of the tokenizer's files, by name.
    num_tokens : P, the most tokens of a training record, special ones included.
    checkpoint : where the weights are, needed only to fit.

    Attributes
    ----------
    room : the most tokens that the model reads; None without a limit. What goes beyond is cut.
    """

    name: ClassVar[str] = "backbone"

    def __init__(
        self, blueprint: Blueprint, files: dict[str, str], num_tokens: int, checkpoint: str
    ) -> None:
        self.blueprint = blueprint
        self.files = files
        self.num_tokens = num_tokens
        self.checkpoint = checkpoint
        self.tokenizer = blueprint.tokenizer(files)
        self.room = _longest(blueprint, self.tokenizer)
        self.size = 1 + (number_in(blueprint.config, "vocab_size") or len(self.tokenizer))

    @classmethod
    def learn(cls, texts: list[str], *, k: int, size: int) -> Self:
        """Refuse: nothing but :meth:`open` knows the checkpoint."""
        message = "a backbone brings its tokenizer; use BackboneTokens.open"
        raise TypeError(message)

    @classmethod
    def open(cls, checkpoint: str, texts: list[str], *, trust_remote_code: bool = False) -> Self:
        """Take a checkpoint's tokenizer; learn how many tokens training sequences have.

        Parameters
        ----------
        checkpoint : a folder, or a name on the Hugging Face hub.
        texts : training sequences.
        trust_remote_code : run the Python code that comes with the checkpoint.
        """
        checkpoint = located(checkpoint)
        blueprint, original, files = open_checkpoint(
            checkpoint, trust_remote_code=trust_remote_code
        )
        tokens = cls(blueprint, files, _ENDLESS, checkpoint)
        limit = tokens.room
        tokens._check_it_reads_dna(original, texts[:_PROBED])
        lengths = np.array([len(ids) for ids in tokens._ids(texts, _ENDLESS)])
        tokens.num_tokens = int(min(max(1, lengths.max()), limit or _ENDLESS))
        cut = int((lengths > tokens.num_tokens).sum())
        if cut:
            message = (
                f"{cut:,} of {len(texts):,} training sequences have more tokens than the "
                f"backbone reads ({tokens.num_tokens:,}); their ends are not read. Pass shorter "
                "sequences, or a backbone that reads longer ones."
            )
            warnings.warn(message, PolyomeWarning, stacklevel=2)
        return tokens

    def encode(self, windows: Codes) -> IntArray:
        """uint8, (n, length) -> int32, (n, P or more): the checkpoint's ids plus 1, 0 for padding.

        There are more columns where a record has more tokens than any training record, as where
        a tokenizer of k-mers spells N letter by letter; see ``room``.
        """
        found = self._ids(texts(windows), self.room or _ENDLESS)
        ids = side_by_side([[number + 1 for number in line] for line in found], self.num_tokens)
        outside = self._unknown + 1
        ids[ids >= self.size] = outside
        ids[~ids.any(axis=1), 0] = outside  # a record without any token still gets an answer
        return ids

    def is_cut(self, windows: Codes) -> BoolArray:
        """Which windows have more tokens than the model reads, bool (n,)."""
        special = len(self._ids([""], _ENDLESS)[0])
        if self.room is None or windows.shape[1] + special <= self.room:  # a letter has one at most
            return np.zeros(len(windows), bool)
        lengths = [len(ids) for ids in self._ids(texts(windows), _ENDLESS)]
        return np.array(lengths, np.int64) > self.room

    def spec(self) -> dict[str, Any]:
        """What it takes to build the model, ``config``, ``code`` and ``padding``: JSON values."""
        return self.blueprint.to_dict() | {"padding": self._padding}

    def weights(self) -> dict[str, Tensor]:
        """Read the checkpoint's weights."""
        return self.blueprint.weights(self.checkpoint)

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "blueprint": self.blueprint.to_dict(),
            "files": self.files,
            "num_tokens": self.num_tokens,
            "checkpoint": self.checkpoint,
        }

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """Restore what :meth:`to_dict` gave; neither the checkpoint nor a network is needed."""
        return cls(**values | {"blueprint": Blueprint(**values["blueprint"])})

    def _ids(self, texts: list[str], most: int) -> list[list[int]]:
        found = self.tokenizer(
            [text.translate(_PLAIN) for text in texts],
            truncation=most < _ENDLESS,
            max_length=most if most < _ENDLESS else None,
            verbose=False,
            return_attention_mask=False,
            return_token_type_ids=False,
        )
        return found["input_ids"]

    @property
    def _padding(self) -> int:
        known = (self.tokenizer.pad_token_id, self.blueprint.config.get("pad_token_id"))
        return next((number for number in known if isinstance(number, int)), 0)

    @property
    def _unknown(self) -> int:
        number = self.tokenizer.unk_token_id
        return number if isinstance(number, int) and number + 1 < self.size else self._padding

    def _knows(self, base: str) -> bool:
        """Whether most of the tokens of a run of a base are known."""
        (ids,) = self._ids([base * _RUN], _ENDLESS)
        outside = self.tokenizer.unk_token_id
        special = set(self.tokenizer.all_special_ids) - {outside}
        words = [number for number in ids if number not in special]
        return 2 * sum(number == outside for number in words) < len(words)

    def _check_it_reads_dna(self, original: Any, texts: list[str]) -> None:
        """Refuse a tokenizer to which DNA means nothing, or that was not restored exactly."""
        ids = self._ids(texts, _ENDLESS)
        plain = [text.translate(_PLAIN) for text in texts]
        if ids != original(plain, verbose=False)["input_ids"]:
            message = (
                f"backbone='{self.checkpoint}': its tokenizer ({type(original).__name__}) gives "
                "other ids once it is saved and read again. Save it with save_pretrained of "
                "this version of transformers, and pass that folder."
            )
            raise InputError(message)
        special = set(self.tokenizer.all_special_ids) - {self.tokenizer.unk_token_id}
        words = [number for line in ids for number in line if number not in special]
        unknown = sum(number == self.tokenizer.unk_token_id for number in words)
        if 2 * unknown >= len(words):
            what = (
                f"{unknown:,} of {len(words):,} tokens are unknown to it" if words else "no token"
            )
            message = (
                f"backbone='{self.checkpoint}': its tokenizer does not read DNA as it is written "
                f"here, such as '{texts[0][:12]}' ({what}). A tokenizer that reads upper-case "
                "letters without spaces is needed."
            )
            raise InputError(message)
        lacking = [base for base in "ACGT" if not self._knows(base)]
        if lacking:
            message = (
                f"backbone='{self.checkpoint}': its tokenizer does not know {listed(lacking)}"
                f"{' (models of RNA write U)' * (lacking == ['T'])}, which would be unknown to the "
                "model. A tokenizer that reads A, C, G and T is needed."
            )
            raise InputError(message)
        if max(words) + 1 >= self.size:
            message = (
                f"backbone='{self.checkpoint}': its tokenizer gives the id {max(words):,}, its "
                f"model knows {self.size - 1:,} ids. They do not belong together."
            )
            raise InputError(message)


def _longest(blueprint: Blueprint, tokenizer: Any) -> int | None:
    """Most tokens that a model reads, special ones included; None without a limit."""
    limits = [tokenizer.model_max_length]
    places = number_in(blueprint.config, "max_position_embeddings", "n_positions")
    if places is not None and blueprint.config.get("position_embedding_type") != "rotary":
        offset = blueprint.config.get("model_type") in _LEARNED_OFFSET
        limits.append(
            places - (number_in(blueprint.config, "pad_token_id") or 0) - 1 if offset else places
        )
    known = [int(limit) for limit in limits if limit and limit < _ENDLESS]
    return min(known) if known else None


def number_in(config: dict[str, Any], *names: str) -> int | None:
    """The first of some entries that is a number.

    Examples
    --------
    >>> number_in({"d_model": 256}, "hidden_size", "d_model")
    256
    """
    return next((config[name] for name in names if isinstance(config.get(name), int)), None)
