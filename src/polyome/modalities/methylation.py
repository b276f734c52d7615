"""The methylation modality: methylated shares of sites, arrays or single cells, become tokens.

A segment is ``[M]``, which knows all sites, and a few module tokens. What is not covered is not
zero: it is masked, as if it had the mean of the training records. All sites have one scale, so that
those that vary most count most; of many sites principal components are read.
"""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd
from anndata import AnnData
from scipy import sparse

from polyome._errors import InputError
from polyome._types import FloatArray
from polyome.io.feature_places import feature_places
from polyome.io.h5ad import read_h5ad
from polyome.modalities.numeric.methylation_states import LEAST_BETA, methylation_state
from polyome.modalities.numeric.modality import NumericModality
from polyome.modalities.numeric.records import NumericRecords

_VERSION_2 = re.compile(r"^((?:cg|ch|rs|nv)\S*?)_[TB][CO]\d+$")
"""Probes of Illumina's EPIC v2 array, ``cg00000029_TC21``; older arrays' names lack the end."""


class MethylationModality(NumericModality):
    """Beta, M, per cent or binary values by site.

    ``normalisation`` is ``beta`` or ``M``: what the model reads, whatever the file holds. Leaving
    out one of 35 sorted blood samples, both name all of them; the log loss of logistic regression
    on 20 components is .04 and .05.
    """

    name: ClassVar[str] = "methylation"
    features_are: ClassVar[str] = "CpG sites"
    normalisations: ClassVar[tuple[str, ...]] = ("beta", "M")
    has_common_scale: ClassVar[bool] = True
    most_features: ClassVar[int | None] = 20_000

    def read(self, source: Any, **reading: Any) -> NumericRecords:
        """View an AnnData, a table or an h5ad file as beta values, or as 0 and 1.

        Raises
        ------
        InputError
            The values are no methylation; they are of another kind than those of `fit` and cannot
            be computed from them; or a sparse matrix does not say which sites are covered.
        """
        if isinstance(source, NumericRecords):
            return source
        if isinstance(source, str | Path):
            source = read_h5ad(source)
        records = super().read(_covered(source), **reading)
        state = methylation_state(records.values)
        is_fitted = hasattr(self, "columns_")
        if is_fitted and state.is_binary != self.is_binary_:
            needed = "0/1" if self.is_binary_ else "beta or M"
            message = (
                f"methylation: the values are {state.name}, the model was fitted on {needed} "
                "values; one cannot be computed from the other."
            )
            raise InputError(message)
        places = _sites(source, records.names)
        records = replace(
            records,
            values=state.beta(records.values).astype(np.float32),
            notes=(*records.notes, f"values are {state.name}."),
            kind=state.name,
            places=places,
        )
        return self._renamed(records) if is_fitted else records

    def _renamed(self, records: NumericRecords) -> NumericRecords:
        """Give sites the model's names, where they are another array's, or coordinates."""
        known = pd.Index(self.columns_)
        names = records.names.to_numpy(object).copy()
        taken = set(names[np.isin(names, known)])
        by_place = {place: name for name, place in zip(known, self.sites_, strict=True) if place}
        places = records.places if records.places is not None else [""] * len(names)
        for i, (name, place) in enumerate(zip(names, places, strict=True)):
            version_2 = _VERSION_2.match(name)
            usual = version_2[1] if version_2 else by_place.get(place, "")
            if name not in taken and usual in known and usual not in taken:
                names[i] = usual
                taken.add(usual)
        return replace(records, names=pd.Index(names))

    def fit(self, records: NumericRecords) -> Self:
        """Learn which sites vary most, their means, and components."""
        self.is_binary_ = records.kind == "binary"
        super().fit(records)
        self.sites_: tuple[str, ...] = ("",) * len(self.columns_)
        if records.places is not None:
            at = records.names.get_indexer(pd.Index(self.columns_))
            self.sites_ = tuple(records.places[i] for i in at)
        return self

    def normalised(self, values: FloatArray) -> FloatArray:
        """Leave beta values, (n, f), or turn them into M values, log2(beta / (1 - beta)).

        Examples
        --------
        >>> MethylationModality("M").normalised(np.array([[0.5, 0.8, np.nan]])).round(3).tolist()
        [[0.0, 2.0, nan]]
        """
        if self.normalisation == "beta":
            return values
        beta = np.clip(values, LEAST_BETA, 1 - LEAST_BETA)
        return np.asarray(np.log2(beta / (1 - beta)))

    def state(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        """As of all numbers; what the values were, and where sites lie."""
        settings, arrays = super().state()
        settings["learned"] |= {"is_binary": self.is_binary_, "sites": list(self.sites_)}
        return settings, arrays

    @classmethod
    def from_state(cls, settings: dict[str, Any], arrays: dict[str, np.ndarray]) -> Self:
        """Restore what :meth:`state` gave."""
        modality = super().from_state(settings, arrays)
        modality.is_binary_ = settings["learned"]["is_binary"]
        modality.sites_ = tuple(settings["learned"]["sites"])
        return modality


def _covered(source: Any) -> Any:
    """Give an AnnData with a sparse matrix NaN where nothing is stored: it is not covered.

    That holds only where zeros are stored, or where 1 and -1 are methylated and not.
    """
    if not (isinstance(source, AnnData) and sparse.issparse(source.X)):
        return source
    csr = sparse.csr_matrix(source.X)
    values = np.full(csr.shape, np.nan, np.float32)
    is_signed = bool(len(csr.data)) and set(np.unique(csr.data)) == {-1.0, 1.0}
    if not is_signed and csr.nnz < values.size and not (csr.data == 0).any():
        message = (
            "methylation: X is sparse and stores no zero, so that it does not say whether a site "
            "without a value is unmethylated or not covered. Pass a dense array with NaN where a "
            "site is not covered: adata.X = adata.X.toarray() if all are covered."
        )
        raise InputError(message)
    row = np.repeat(np.arange(len(values)), np.diff(csr.indptr))
    values[row, csr.indices] = csr.data.clip(0) if is_signed else csr.data
    return AnnData(values, obs=source.obs, var=source.var)


def _sites(source: Any, names: pd.Index) -> tuple[str, ...] | None:
    """Chromosome and position of each site, as ``1:100``; None where they are not known."""
    var = source.var if isinstance(source, AnnData) else pd.DataFrame(index=names)
    places = feature_places(var, names)
    if places is None:
        return None
    return tuple(
        f"{chrom}:{start}" if chrom else ""
        for chrom, start in zip(places["chrom"], places["start"], strict=True)
    )
