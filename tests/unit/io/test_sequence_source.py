"""Which sources are of sequences, and tables whose DNA has another name."""

import numpy as np
import pandas as pd
import pytest
from anndata import AnnData

from polyome import InputError
from polyome.io.sequence_source import holds_sequences

DNA = "ACGTACGTACGTNNACGT"


def test_files_are_told_by_ending_and_tables_by_their_columns(tmp_path):
    tables = {
        "dna.csv": f"# of 2024\nid;sequence\na;{DNA}\n",
        "numbers.tsv": "id\tage\tsite\na\t40\tnorth\n",
    }
    for name, text in tables.items():
        (tmp_path / name).write_text(text)
    dna, numbers = (tmp_path / name for name in tables)
    assert holds_sequences(dna, "sequence")
    assert holds_sequences([numbers, dna], "sequence")  # whose reader says what is wrong
    assert not holds_sequences([str(numbers)], "sequence")
    assert all(holds_sequences(name, "sequence") for name in ("a.fa.gz", "a.bed", "a.gtf", "a.rds"))
    assert not any(holds_sequences(name, "sequence") for name in ("a.h5ad", "a.h5mu"))


def test_what_is_in_memory():
    assert holds_sequences(pd.DataFrame({"dna": [DNA]}), "dna")
    assert not holds_sequences(pd.DataFrame({"age": [40], "site": ["north"]}), "sequence")
    assert not holds_sequences(AnnData(np.ones((2, 2))), "sequence")


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_dna_under_another_name_is_pointed_out(tmp_path, ending):
    table = pd.DataFrame({"start": [1, 2], "Promoter": [DNA, DNA.lower()]})
    path = tmp_path / f"t.{ending}"
    if ending == "csv":
        table.to_csv(path, index=False)
    else:
        pytest.importorskip("pyarrow")
        table.to_parquet(path)
    message = (
        rf"t.{ending} has no column 'sequence', and 'Promoter' holds DNA \('ACGTACGTACGT...'\). "
        "Pass --sequence-column Promoter, or --inputs features"
    )
    with pytest.raises(InputError, match=message):
        holds_sequences(path, "sequence")


def test_short_words_of_bases_are_no_dna():
    table = pd.DataFrame({"allele": ["A", "GAT"], "age": [1.0, 2.0]})
    assert not holds_sequences(table, "sequence")


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(InputError, match=r"no\.csv"):
        holds_sequences(tmp_path / "no.csv", "sequence")
