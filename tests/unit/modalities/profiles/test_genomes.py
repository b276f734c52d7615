"""Files with genes of two species say so, and which cells are of another than the model's."""

import numpy as np
import pandas as pd
import pytest
from tests.unit.modalities.conftest import GENES, make, sample

from polyome.estimator import estimator_class
from polyome.modalities.profiles.genomes import genome_notes, genomes_of
from polyome.modalities.profiles.matrix import find_expression


def barnyard(prefixes=("", "")):
    """Thirty cells of one species and twenty of another; each has a little of the other."""
    own, other = sample(50).X.toarray(), sample(50, seed=1).X.toarray()
    own[30:] *= np.random.default_rng(0).random((20, 60)) < 0.02
    other[:30] *= np.random.default_rng(1).random((30, 60)) < 0.02
    names = [f"{prefixes[0]}{name}" for name in GENES]
    names += [f"{prefixes[1]}{name.capitalize()}" for name in GENES]
    return make(np.hstack([own, other]), names)


def test_genome_column():
    cells = barnyard()
    cells.var["genome"] = ["GRCh38"] * 60 + ["mm10"] * 60
    expression = find_expression(cells)
    known = np.arange(120) < 60
    (note,) = genome_notes(expression, known)
    assert note == (
        "X has genes of 2 genomes (GRCh38: 60, mm10: 60) and the model reads those of GRCh38. 20 "
        "of 50 cells have most counts in genes of another genome (first: 'c30'): leave them out, "
        "their labels mean nothing."
    )
    assert genome_notes(find_expression(cells[:30].copy()), known) == (
        "X has genes of 2 genomes (GRCh38: 60, mm10: 60) and the model reads those of GRCh38.",
    )
    assert (
        "all of them are read as genes. For a model of one species" in genome_notes(expression)[0]
    )


@pytest.mark.parametrize("prefixes", [("GRCh38_", "mm10___"), ("hg19_", "mm10_")])
def test_prefixes(prefixes):
    names = barnyard(prefixes).var_names
    genomes = genomes_of(pd.DataFrame(index=names), names)
    assert set(genomes) == {prefix.strip("_") for prefix in prefixes}


def test_one_genome_says_nothing():
    cells = sample()
    cells.var["genome"] = "GRCh38"
    assert genome_notes(find_expression(cells)) == ()
    assert genome_notes(find_expression(sample())) == ()


def test_the_notes_reach_records():
    cells = barnyard()
    cells.var["genome"] = ["GRCh38"] * 60 + ["mm10"] * 60
    modality = estimator_class("cell-type")().task.build_modality()
    assert any("all of them are read as genes" in note for note in modality.read(cells).notes)
    modality.fit(modality.read(sample()))
    assert any("20 of 50 cells have most counts" in note for note in modality.read(cells).notes)
