"""Variants, scans and BED: the numbers are those of sequences that are cut by hand."""

import numpy as np
import pandas as pd
import pytest

from polyome.genome.scan import scan
from polyome.genome.scan_arguments import ScanArguments
from polyome.genome.variants import VariantArguments, score_variants
from polyome.io.vcf import Variant, read_vcf

NUMBER = 500
BP = 24
FAR = 400
"""Letters N that the reader of these tests puts on either side of a chromosome."""


def other_strand(text):
    pairs = dict(zip("ACGTN", "TGCAN", strict=True))
    return "".join(pairs[letter] for letter in reversed(text))


def padded(text):
    return "N" * FAR + text.upper() + "N" * FAR


def cut(text, start, end, strand="+"):
    found = padded(text)[FAR + start : FAR + end]
    return other_strand(found) if strand == "-" else found


def cut_edited(text, position, reference, allele, start, strand="+"):
    """The window from ``start`` in the chromosome with the allele in it.

    The end of the window that is farther from the variant stays in its place.
    """
    edited = text[:position] + allele + text[position + len(reference) :]
    if 2 * position + len(reference) < 2 * start + BP:
        start += len(allele) - len(reference)
    return cut(edited, start, start + BP, strand)


@pytest.fixture(scope="module")
def chromosomes():
    rng = np.random.default_rng(8)
    made = {}
    for name, length in (("chr1", 700), ("chr2", 333), ("chrX", 90)):
        letters = rng.choice(list("ACGTacgt"), length)
        letters[rng.random(length) < 0.01] = "N"
        made[name] = "".join(letters)
    return made


@pytest.fixture
def genome_path(chromosomes, tmp_path):
    path = tmp_path / "g.fa"
    lines = [f">{name}\n{text[:80]}\n{text[80:]}\n" for name, text in chromosomes.items()]
    path.write_text("".join(lines))
    return path


@pytest.fixture(scope="module")
def positive(motif_model):
    """Probabilities of class 1 of sequences, (n,)."""

    def probabilities(sequences):
        return motif_model.predict(pd.DataFrame({"sequence": list(sequences)}))["1"].to_numpy()

    return probabilities


def random_variants(chromosomes, rng):
    """Of any type, at any place: also at the very ends."""
    found = []
    names = list(chromosomes)
    while len(found) < NUMBER:
        name = names[rng.integers(len(names))]
        text = chromosomes[name].upper()
        position = int(rng.integers(len(text))) if rng.random() < 0.8 else int(rng.choice([0, 1]))
        length = 1 if rng.random() < 0.6 else int(rng.integers(1, BP // 2))
        reference = text[position : position + length]
        if not reference.strip("N") or "N" in reference:
            continue
        longest = int(rng.choice([1, 3, 40]))
        alternatives = {
            "".join(rng.choice(list("ACGT"), rng.integers(1, longest + 1))) for _ in range(2)
        } - {reference}
        if alternatives:
            found.append((name, position, reference, sorted(alternatives)))
    return found


def write_variants(variants, path):
    columns = "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO"
    rows = [f"{c}\t{p + 1}\t.\t{r}\t{','.join(a)}\t.\t.\t." for c, p, r, a in variants]
    path.write_text("\n".join(["##fileformat=VCFv4.3", columns, *rows]) + "\n")


def scored(path):
    for variant in (line for line in read_vcf(path) if isinstance(line, Variant)):
        info = dict(item.partition("=")[::2] for item in variant.fields[7].split(";"))
        alt = [float(value) for value in info.get("POLYOME_ALT_1", "").split(",") if value]
        diff = [float(value) for value in info.get("POLYOME_DIFF_1", "").split(",") if value]
        yield float(info.get("POLYOME_REF_1", "nan")), alt, diff, info


def test_variants_in_the_windows_around_them(
    motif_model, positive, chromosomes, genome_path, tmp_path
):
    variants = random_variants(chromosomes, np.random.default_rng(1))
    write_variants(variants, tmp_path / "v.vcf")
    out = tmp_path / "o.vcf"
    score_variants(motif_model.fitted_, tmp_path / "v.vcf", genome_path, out, quiet=True)
    wanted = [
        [cut_edited(chromosomes[c], p, r, allele, p - BP // 2) for allele in (r, *alts)]
        for c, p, r, alts in variants
    ]
    right = dict(zip(flat := [s for row in wanted for s in row], positive(flat), strict=True))
    results = list(scored(out))
    assert len(results) == len(variants) == NUMBER
    for sequences, (reference, alt, diff, _) in zip(wanted, results, strict=True):
        values = np.array([right[sequence] for sequence in sequences])
        assert [reference, *alt] == pytest.approx(values, abs=1e-5)
        assert diff == pytest.approx(values[1:] - values[0], abs=1e-5)


@pytest.mark.parametrize("shift_bp", [0, 3])
@pytest.mark.parametrize("average", [False, True])
def test_variants_in_named_windows_on_either_strand(
    motif_model, positive, chromosomes, genome_path, tmp_path, average, shift_bp
):
    rng = np.random.default_rng(2)
    windows = []
    for number in range(60):
        name = list(chromosomes)[number % 3]
        start = int(rng.integers(len(chromosomes[name]) - BP + 1))
        windows.append((name, start, "+-"[int(rng.integers(2))]))
    bed = tmp_path / "w.bed"
    rows = [f"{c}\t{s}\t{s + BP}\tw{i}\t0\t{strand}\n" for i, (c, s, strand) in enumerate(windows)]
    bed.write_text("".join(rows))
    variants = random_variants(chromosomes, rng)
    write_variants(variants, tmp_path / "v.vcf")
    out = tmp_path / "o.vcf"
    score_variants(
        motif_model.fitted_,
        tmp_path / "v.vcf",
        genome_path,
        out,
        windows=bed,
        arguments=VariantArguments(average_strands=average, shift_bp=shift_bp),
        quiet=True,
    )
    shifts = (-shift_bp, 0, shift_bp) if shift_bp else (0,)
    plans = []
    for c, p, r, alts in variants:
        over = [w for w in windows if w[0] == c and w[1] < p + len(r) and p < w[1] + BP]
        views = [
            [(s + bp, strand) for bp in shifts for strand in ("+-" if average else own)]
            for _, s, own in over
        ]
        text = chromosomes[c]
        plans.append(
            [
                [[cut_edited(text, p, r, a, s, strand) for s, strand in view] for a in (r, *alts)]
                for view in views
            ]
        )
    flat = [text for plan in plans for window in plan for texts in window for text in texts]
    right = dict(zip(flat, positive(flat), strict=True))
    inside = 0
    for plan, (reference, alt, _, info) in zip(plans, scored(out), strict=True):
        if not plan:
            assert info["POLYOME_NOTE"] == "outside_windows"
            continue
        inside += 1
        means = [np.array([np.mean([right[t] for t in texts]) for texts in w]) for w in plan]
        effects = [np.abs(values[1:] - values[0]).max() for values in means]
        assert np.abs(np.array(alt) - reference).max() == pytest.approx(max(effects), abs=1e-5)
        found = np.array([reference, *alt])
        assert min(np.abs(found - values).max() for values in means) < 1e-5
    assert inside > NUMBER // 2


@pytest.mark.parametrize("window_bp", [None, BP, 31])
def test_intervals_of_bed(motif_model, positive, chromosomes, genome_path, tmp_path, window_bp):
    rng = np.random.default_rng(3)
    rows, wanted = [], []
    for number in range(NUMBER):
        name = list(chromosomes)[number % 3]
        text = chromosomes[name]
        length = int(rng.integers(1, 2 * BP))
        start = int(rng.choice([0, len(text) - length, rng.integers(len(text) - length + 1)]))
        strand = "+-."[int(rng.integers(3))]
        rows.append(f"{name}\t{start}\t{start + length}\ti{number}\t0\t{strand}\n")
        first, last = start, start + length
        if window_bp is not None:  # the middle base, or the one right of the middle as it is read
            if strand == "-":
                middle = start + (length - 1) // 2
                last = middle + 1 + window_bp // 2
                first = last - window_bp
            else:
                first = start + length // 2 - window_bp // 2
                last = first + window_bp
        wanted.append(cut(text, first, last, strand))
    bed = tmp_path / "i.bed"
    bed.write_text("".join(rows))
    options = {} if window_bp is None else {"window_bp": window_bp}
    found = motif_model.predict(bed, genome=genome_path, **options)
    assert found.index.tolist() == [f"i{number}" for number in range(NUMBER)]
    assert found["1"].to_numpy() == pytest.approx(positive(wanted), abs=1e-5)


def test_hits_of_a_scan(motif_model, positive, chromosomes, genome_path, tmp_path):
    arguments = ScanArguments(stride_bp=1, threshold=0.0, min_distance_bp=1, max_unknown=1.0)
    out = tmp_path / "hits.bed"
    hits = scan(motif_model.fitted_, genome_path, out, arguments, quiet=True).hits
    assert len(hits) >= NUMBER
    assert set(hits["strand"]) == {"+", "-"}
    assert (hits["end"] - hits["start"] == BP).all()
    wanted = [
        cut(chromosomes[hit.chrom], hit.start, hit.end, hit.strand)
        for hit in hits.itertuples(index=False)
    ]
    assert hits["probability"].to_numpy() == pytest.approx(positive(wanted), abs=1e-5)
