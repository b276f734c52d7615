"""Negatives look like the positives in length and GC content, and overlap nothing."""

import gzip
import os
import sys

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from polyome._errors import InputError, PolyomeWarning
from polyome.data.negatives import gc_matched_negatives

SIZE = 120_000


def isochores(seed, size=SIZE):
    """Simulated bases whose GC content changes along the chromosome, from 0.3 to 0.7."""
    rng = np.random.default_rng(seed)
    gc = 0.5 + 0.2 * np.sin(np.arange(size) / 1500)
    is_gc = rng.random(size) < gc
    return "".join(np.where(is_gc, rng.choice(list("GC"), size), rng.choice(list("AT"), size)))


@pytest.fixture(scope="module")
def bases():
    chr2 = isochores(1)
    return {"chr1": isochores(0), "chr2": chr2[:5000] + "N" * 3000 + chr2[8000:].lower()}


@pytest.fixture
def genome(bases, tmp_path):
    pytest.importorskip("pyfaidx")
    pytest.importorskip("tangermeme")
    path = tmp_path / "simulated.fa"
    lines = [f">{name}\n{text}\n" for name, text in bases.items()]
    path.write_text("".join(lines))
    return path


@pytest.fixture
def positives(bases):
    """Windows of 100 bp, GC-rich ones chosen on purpose."""
    table = pd.DataFrame(
        [(chrom, start) for chrom in bases for start in range(17, SIZE - 200, 331)],
        columns=["chrom", "start"],
    )
    table["end"] = table["start"] + 100
    return table[[share > 0.6 for share in gc(table, bases)]].sample(60, random_state=0)


def windows(table, bases):
    rows = table[["chrom", "start", "end"]].itertuples(index=False)
    return [bases[chrom][start:end].upper() for chrom, start, end in rows]


def gc(table, bases):
    texts = windows(table, bases)
    return np.array([(text.count("G") + text.count("C")) / len(text) for text in texts])


def overlaps(one, other):
    chrom = one["chrom"].to_numpy()[:, None] == other["chrom"].to_numpy()
    begins = one["start"].to_numpy()[:, None] < other["end"].to_numpy()
    return chrom & begins & (one["end"].to_numpy()[:, None] > other["start"].to_numpy())


def test_gc_content_is_that_of_the_positives(genome, positives, bases):
    negatives = gc_matched_negatives(positives, genome, seed=0)
    assert list(negatives.columns) == ["chrom", "start", "end", "strand", "name", "gc"]
    assert len(negatives) == len(positives)
    np.testing.assert_allclose(negatives["gc"], gc(negatives, bases))
    assert abs(negatives["gc"].mean() - gc(positives, bases).mean()) < 0.01
    assert stats.ks_2samp(negatives["gc"], gc(positives, bases)).pvalue > 0.5


def test_positives_may_name_chromosomes_otherwise(genome, positives):
    usual = gc_matched_negatives(positives, genome, seed=0)
    renamed = positives.assign(chrom=positives["chrom"].str.removeprefix("chr"))
    pd.testing.assert_frame_equal(gc_matched_negatives(renamed, genome, seed=0), usual)


def test_they_overlap_nothing_and_hold_no_n(genome, positives, bases):
    negatives = gc_matched_negatives(positives, genome, seed=0)
    assert not overlaps(negatives, positives).any()
    assert overlaps(negatives, negatives).sum() == len(negatives)
    assert not any("N" in text for text in windows(negatives, bases))
    assert negatives["name"].is_unique
    assert set(negatives["strand"]) == {"+", "-"}


def test_several_for_each(genome, positives, bases):
    negatives = gc_matched_negatives(positives, genome, per_positive=3, seed=0)
    assert len(negatives) == 3 * len(positives)
    assert abs(negatives["gc"].mean() - gc(positives, bases).mean()) < 0.01


def test_several_lengths_lack_what_would_overlap(genome, positives):
    mixed = positives.assign(end=positives["end"] + np.arange(len(positives)) % 2 * 50)
    with pytest.warns(PolyomeWarning, match="of 60 negatives could be drawn.*one length"):
        negatives = gc_matched_negatives(mixed, genome, seed=0)
    assert len(negatives) > 45
    assert set(negatives["end"] - negatives["start"]) == {100, 150}
    assert not overlaps(negatives, mixed).any()
    assert overlaps(negatives, negatives).sum() == len(negatives)


def test_the_seed_is_the_draw(genome, positives):
    one, same, other = (gc_matched_negatives(positives, genome, seed=s) for s in (0, 0, 1))
    pd.testing.assert_frame_equal(one, same)
    assert not one.equals(other)


def test_a_genome_without_room_is_told(genome, positives):
    positives = positives.assign(end=positives["start"] + 1000)
    with pytest.warns(PolyomeWarning) as caught:
        negatives = gc_matched_negatives(positives[:20], genome, per_positive=50, seed=0)
    assert 0 < len(negatives) < 1000
    messages = [str(warning.message) for warning in caught]
    assert "of 1,000 negatives could be drawn" in messages[0]
    assert "The negatives' mean GC content is 0.49, the positives' 0.64" in messages[1]


def test_positives_of_n_have_no_negatives(genome):
    with pytest.warns(PolyomeWarning, match="0 of 1 negatives could be drawn.*positives hold N"):
        negatives = gc_matched_negatives(
            pd.DataFrame({"chrom": ["chr2"], "start": [6000], "end": [6100]}), genome, seed=0
        )
    assert len(negatives) == 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"chrom": ["9"]}, r"row 0 \(9:10-20\): .* has no sequence '9'. It has: 'chr1'"),
        ({"end": [SIZE + 1]}, r"is not inside 'chr1', which has 120,000 bp\. Needed"),
        ({"start": [20]}, r"row 0 \(chr1:20-20\) is not inside 'chr1'"),
        ({"start": [-1]}, r"row 0 \(chr1:-1-20\) is not inside 'chr1'"),
        ({"start": [1.5]}, r"column 'start' holds float64; integers are needed"),
    ],
)
def test_intervals_outside_the_genome_are_refused(genome, change, message):
    positives = pd.DataFrame({"chrom": ["chr1"], "start": [10], "end": [20]} | change)
    with pytest.raises(InputError, match=message):
        gc_matched_negatives(positives, genome, seed=0)


def test_tables_that_cannot_be_used_are_refused(genome, positives):
    with pytest.raises(InputError, match=r"positives has no column 'end' \(interval\)"):
        gc_matched_negatives(positives.drop(columns="end"), genome, seed=0)
    with pytest.raises(InputError, match="positives has no rows"):
        gc_matched_negatives(positives[:0], genome, seed=0)
    with pytest.raises(InputError, match="per_positive is 0; 1 or more is needed"):
        gc_matched_negatives(positives, genome, per_positive=0, seed=0)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, r"There is no file .*other\.fa"),
        (gzip.compress(b">chr1\nACGTACGTACGT\n", mtime=0), "is compressed.*run gunzip"),
        (b"", r"other\.fa"),
        (b">chr1\nACGTACGT\nAC\nACGT\n", "cannot be indexed: Line length of fasta"),
    ],
)
def test_genomes_that_cannot_be_read_are_refused(genome, content, message):
    positives = pd.DataFrame({"chrom": ["chr1"], "start": [2], "end": [6]})
    other = genome.with_name("other.fa")
    if content is not None:
        other.write_bytes(content)
    with pytest.raises(InputError, match=message):
        gc_matched_negatives(positives, other, seed=0)


def test_an_index_that_does_not_fit_is_refused(genome, positives):
    gc_matched_negatives(positives, genome, seed=0)
    gc_matched_negatives(positives, genome, seed=0)
    genome.write_text(genome.read_text().replace(">chr1", ">chr1 of another version", 1))
    index = genome.with_name(f"{genome.name}.fai")
    os.utime(index, (2e9, 2e9))
    with pytest.raises(InputError, match=r"fai is not the index of .* Remove it, and run again"):
        gc_matched_negatives(positives, genome, seed=0)


def test_a_folder_without_room_for_the_index_is_told(genome, positives, monkeypatch):
    import pyfaidx

    def refused(*_, **__):
        raise PermissionError("read-only")

    monkeypatch.setattr(pyfaidx, "Fasta", refused)
    with pytest.raises(InputError, match=r"No index can be written beside .*Copy the genome"):
        gc_matched_negatives(positives, genome, seed=0)


@pytest.mark.parametrize("package", ["tangermeme", "pyfaidx"])
def test_a_missing_library_names_the_extra(genome, positives, monkeypatch, package):
    for name in [name for name in sys.modules if name.partition(".")[0] == package]:
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.setitem(sys.modules, package, None)
    monkeypatch.setitem(sys.modules, "tangermeme.match", sys.modules.get("tangermeme.match"))
    with pytest.raises(InputError, match=rf"needs {package}: pip install 'polyome\[dna\]'"):
        gc_matched_negatives(positives, genome, seed=0)
