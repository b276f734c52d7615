"""The text modality: a few words about a record, such as a pathologist's note, become tokens.

The order of words is not read. A word counts by how often it stands in the text, and by how few
training records have it (TF-IDF). A segment is ``[M]``, which knows all words, and a few module
tokens. Of many words principal components are read.
"""

from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd
from anndata import AnnData
from sklearn.feature_extraction.text import TfidfVectorizer

from polyome._errors import InputError
from polyome._types import BoolArray, FloatArray, IntArray
from polyome.io.missing import missing_words
from polyome.modalities.numeric.modality import NumericModality
from polyome.modalities.numeric.records import NumericRecords

MOST_WORDS = 2000
"""Words that are read, those of most training records."""
FEWEST_RECORDS = 2
"""Training records that must have a word."""


@dataclass(frozen=True, eq=False)
class TextRecords:
    """Texts by record.

    Parameters
    ----------
    table : DataFrame, (n, ...), indexed by name: targets, groups, splits.
    texts : object, (n,), empty where a record has none.
    notes : what was decided while reading.
    standardised : float32, (n, w), over a model's words, once they are prepared.
    """

    table: pd.DataFrame
    texts: np.ndarray
    notes: tuple[str, ...] = ()
    standardised: FloatArray | None = None

    def __len__(self) -> int:
        return len(self.table)

    def measured_values(self) -> FloatArray:
        """(n, 1), a number for each text, to find copies by."""
        hashes = pd.util.hash_array(self.texts.astype(object)) >> np.uint64(12)
        return np.where(self.texts == "", 0.0, hashes.astype(np.float64))[:, None]

    def take(self, rows: IntArray) -> Self:
        """Some of the records, by position."""
        own = None if self.standardised is None else self.standardised[rows]
        return replace(self, table=self.table.iloc[rows], texts=self.texts[rows], standardised=own)


class TextModality(NumericModality):
    """Words of a column of text; records are :class:`TextRecords`.

    Weights are ``tfidf``, brought to unit length, or ``binary``: whether a word is there.
    """

    name: ClassVar[str] = "text"
    features_are: ClassVar[str] = "words"
    table_name: ClassVar[str] = "the table"
    normalisations: ClassVar[tuple[str, ...]] = ("tfidf", "binary")
    has_common_scale: ClassVar[bool] = True
    reads_text: ClassVar[bool] = True
    can_be_predicted: ClassVar[bool] = False

    def read(self, source: Any, **reading: Any) -> Any:
        """View the columns of an AnnData's ``obs``, or of a table, as one text for each record.

        Raises
        ------
        InputError
            The column holds numbers.
        """
        del reading
        if isinstance(source, TextRecords):
            return source
        table = source.obs if isinstance(source, AnnData) else source
        for name in table.columns:
            dtype = table[name].dtype
            of = dtype.categories.dtype if isinstance(dtype, pd.CategoricalDtype) else dtype
            if pd.api.types.is_numeric_dtype(of) and table[name].notna().any():
                message = f"column '{name}' holds numbers, not text. Read it as features."
                raise InputError(message)
        texts = [_texts(table[name]) for name in table.columns]
        joined = np.array([" ".join(filter(None, row)) for row in zip(*texts, strict=True)], object)
        return TextRecords(table, joined)

    def measured(self, records: Any) -> BoolArray:
        """Records that have a text."""
        return np.asarray(records.texts != "")

    def technical_numbers(self, records: Any) -> dict[str, FloatArray]:
        """How long texts are."""
        return {"the length of the text": np.array([float(len(one)) for one in records.texts])}

    def fit(self, records: Any) -> Self:
        """Learn the words, how few records have each, and components."""
        self.words_ = _vectorizer(self.normalisation, len(records))
        try:
            self.words_.fit(records.texts)
        except ValueError as error:
            message = (
                f"no word stands in {FEWEST_RECORDS} of the {len(records):,} training records and "
                "not in all of them; leave this input out."
            )
            raise InputError(message) from error
        return super().fit(self._numbers(records))

    def _numbers(self, records: TextRecords) -> NumericRecords:
        """Weights of the words."""
        weights = self.words_.transform(records.texts).toarray()
        return NumericRecords(records.table, pd.Index(self.words_.get_feature_names_out()), weights)

    def normalised(self, values: FloatArray) -> FloatArray:
        """Leave the weights, (n, w), as they are."""
        return values

    def prepare(self, records: Any) -> Any:
        """Weights of the model's words, standardised."""
        if records.standardised is not None:
            return records
        numbers = super().prepare(self._numbers(records))
        return replace(records, standardised=numbers.standardised)

    def keys(self, records: Any) -> IntArray:
        """Of names and texts."""
        hashes = pd.util.hash_array(records.texts.astype(object))
        return np.asarray(super(NumericModality, self).keys(records) + hashes)

    def state(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        """As of all numbers; the words."""
        settings, arrays = super().state()
        settings["learned"]["words"] = [str(w) for w in self.words_.get_feature_names_out()]
        return settings, arrays | {"idf": self.words_.idf_.astype(np.float64)}

    @classmethod
    def from_state(cls, settings: dict[str, Any], arrays: dict[str, np.ndarray]) -> Self:
        """Restore what :meth:`state` gave."""
        modality = super().from_state(settings, arrays)
        words = settings["learned"]["words"]
        modality.words_ = _vectorizer(modality.normalisation, 0)
        modality.words_.vocabulary_ = {word: i for i, word in enumerate(words)}
        modality.words_.idf_ = arrays["idf"]
        return modality


def _vectorizer(normalisation: str, n: int) -> TfidfVectorizer:
    """What weighs words; one that all of n training records have tells nothing."""
    is_binary = normalisation == "binary"
    return TfidfVectorizer(
        min_df=min(FEWEST_RECORDS, max(n, 1)),
        max_df=max(n - 1, FEWEST_RECORDS),
        max_features=MOST_WORDS,
        token_pattern=r"(?u)\b\w+\b",
        dtype=np.float32,
        binary=is_binary,
        use_idf=True,
        norm=None if is_binary else "l2",
    )


def _texts(column: "pd.Series[Any]") -> list[str]:
    """Text of each row, empty where it is missing, or a word for it."""
    texts = column.astype(object).where(column.notna(), "").astype(str).str.strip()
    known = set(missing_words(texts[texts != ""]).index)
    return [text if text not in known else "" for text in texts]
