"""Awkward files from the field, each through the command line: the right answer, or a refusal.

The files lie beside the real data, in ``cases``, each with a README that says what is right.
"""

import os
import re
import subprocess
import sys
import threading
import warnings

import anndata
import numpy as np
import pandas as pd
import pytest

from polyome.data.simulate import simulate_sequences

pytestmark = pytest.mark.real_data
SMALL = ["--set=num_members=1", "--set=num_train_epochs=2", "--set=hidden_size=16"]
QUICK = [*SMALL, "--set=baselines=false", "--device=cpu"]


@pytest.fixture(scope="module")
def cases(real_data):
    folder = real_data.parent / "cases"
    if not folder.is_dir():
        pytest.skip(f"no cases in {folder}")
    return folder


@pytest.fixture(scope="module")
def pbmc(call, real_data, tmp_path_factory):
    """The model that the cases of cells are answered by: defaults, without baselines."""
    folder = tmp_path_factory.mktemp("pbmc") / "m"
    source = real_data / "single_cell" / "pbmc3k_counts.h5ad"
    options = ["--target=louvain", "--split=split", "--set=baselines=false", "--device=cpu"]
    result = call("fit", "cell-type", source, f"--out={folder}", *options)
    assert result.exit_code == 0, result.stderr
    return folder


@pytest.fixture(scope="module")
def counts(real_data):
    return read(real_data / "single_cell" / "pbmc3k_counts.h5ad")


@pytest.fixture
def predicted(call, tmp_path):
    """Predict some files; returns the labels and what was said."""

    def run(model, *words, name="o.csv"):
        out = tmp_path / name
        result = call("predict", model, *words, f"--out={out}")
        assert result.exit_code == 0, result.stderr
        return pd.read_csv(out, index_col=0, dtype={0: str}), result.stderr

    return run


def read(path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of repeated names, which the case is about
        return anndata.read_h5ad(path)


def written(adata, folder, name="plain.h5ad"):
    path = folder / name
    adata.write_h5ad(path)
    return path


def agreement(found, expected):
    """Share of cells with the same label, ``unknown`` counted as one."""
    assert len(found) == len(expected)
    return float(np.mean(found["label"].to_numpy() == expected["label"].to_numpy()))


def right(found, adata):
    return float(np.mean(found["label"].to_numpy() == adata.obs["louvain"].astype(str).to_numpy()))


def unknown(found):
    return float(np.mean(found["label"] == "unknown"))


# Cells


def test_antibodies_are_not_added_to_the_rna_of_the_same_name(cases, pbmc, predicted, tmp_path):
    path = cases / "cells/adt_same_names/cite_gex_and_adt.h5ad"
    found, said = predicted(pbmc, path)
    adata = read(path)
    is_gene = (adata.var["feature_types"] == "Gene Expression").to_numpy()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        genes = adata[:, is_gene].copy()
    alone, _ = predicted(pbmc, written(genes, tmp_path), name="alone.csv")
    assert agreement(found, alone) == 1
    assert right(found, adata) >= 0.89
    assert "Antibody Capture" in said


def test_cells_of_another_tissue_are_not_aligned_into_blood(cases, call, pbmc, predicted, tmp_path):
    path = cases / "cells/align_wrong_tissue/gut_nonimmune.h5ad"
    found, said = predicted(pbmc, path)
    assert unknown(found) == 1
    assert "align=true" not in said or "do not" in said.lower()
    out = tmp_path / "aligned.csv"
    result = call("predict", pbmc, path, f"--out={out}", "--set=align=true")
    if result.exit_code == 0:
        assert unknown(pd.read_csv(out)) >= 0.95
    else:
        assert result.exit_code == 2
        assert "align" in result.stderr
        assert not out.exists()


def test_files_read_together_keep_the_columns_of_var(cases, pbmc, predicted):
    files = [cases / f"cells/cxg_two_files/c{i}.h5ad" for i in (1, 2)]
    named, _ = predicted(pbmc, *files, "--set=gene_column=feature_name")
    found, said = predicted(pbmc, *files, name="found.csv")
    assert len(named) == 50
    assert agreement(found, named) == 1
    assert "feature_name" in said


def test_sections_laid_on_one_another_are_named_in_predict_and_audit(
    cases, call, predicted, tmp_path
):
    folder = cases / "cells/fov_overlaid"
    options = ["--target=domain", "--split-by=blocks", f"--out={tmp_path / 'm'}", *QUICK]
    result = call("fit", "spatial", folder / "train_one_section.h5ad", *options)
    assert result.exit_code == 0, result.stderr
    query = folder / "cosmx_fov_local.h5ad"
    found, said = predicted(tmp_path / "m", query)
    assert "section=fov" in said
    _, said = predicted(tmp_path / "m", query, "--set=section=fov", name="fov.csv")
    assert "section=" not in said
    result = call("audit", "spatial", query, "--target=domain")
    assert "section=fov" in result.stdout
    assert "section=cell_type" not in result.stdout
    assert len(found) == 1053


def test_a_mudata_file_is_read_by_its_rna_or_names_its_modalities(cases, call, pbmc, tmp_path):
    out = tmp_path / "o.h5ad"
    path = cases / "cells/h5mu/two_modalities.h5mu"
    result = call("predict", pbmc, path, f"--out={out}")
    assert "rna" in result.stderr
    assert result.exit_code in {0, 2}
    assert out.exists() == (result.exit_code == 0)


def test_raw_is_read_where_x_lacks_the_genes(cases, pbmc, predicted):
    path = cases / "cells/hvg_with_raw/hvg500_with_full_raw.h5ad"
    found, said = predicted(pbmc, path)
    raw, _ = predicted(pbmc, path, "--set=layer=raw", name="raw.csv")
    assert agreement(found, raw) == 1
    assert ".raw" in said


def test_labels_that_differ_in_blanks_or_case_are_pointed_out(cases, call, tmp_path):
    path = cases / "cells/label_whitespace/trailing_space_and_case.h5ad"
    result = call("fit", "cell-type", path, "--target=cell_type", f"--out={tmp_path / 'm'}", *QUICK)
    assert result.exit_code == 0, result.stderr
    assert re.search(r"'B cells'.*'b cells'|'b cells'.*'B cells'", result.stderr)
    out = tmp_path / "o.csv"
    assert call("predict", tmp_path / "m", path, f"--out={out}").exit_code == 0
    columns = list(pd.read_csv(out).columns)
    assert [c for c in columns if c.strip().lower() == "b cells"] == ["B cells", "b cells"]


def test_the_base_of_the_logarithm_is_read(cases, counts, pbmc, predicted, tmp_path):
    path = cases / "cells/log_base/cpm_log10_uns_says_10.h5ad"
    found, _ = predicted(pbmc, path)
    adata = read(path)
    same = counts[adata.obs_names, adata.var_names].copy()
    plain, _ = predicted(pbmc, written(same, tmp_path), name="plain.csv")
    assert agreement(found, plain) >= 0.99


def test_loom_is_read(cases, pbmc, predicted):
    found, _ = predicted(pbmc, cases / "cells/loom/cells.loom")
    assert unknown(found) < 0.2


def test_antibody_columns_do_not_change_what_the_rna_is(cases, pbmc, predicted):
    path = cases / "cells/state_from_adt/lognorm_rna_plus_adt_counts.h5ad"
    found, _ = predicted(pbmc, path)
    plain, _ = predicted(pbmc, path, "--set=layer=counts", name="counts.csv")
    assert agreement(found, plain) >= 0.99
    assert right(found, read(path)) >= 0.88


def test_rounding_below_zero_is_no_scaling(cases, counts, pbmc, predicted, tmp_path):
    path = cases / "cells/tiny_negative/one_value_minus_1e-8.h5ad"
    found, said = predicted(pbmc, path)
    adata = read(path)
    same = counts[adata.obs_names, adata.var_names].copy()
    plain, _ = predicted(pbmc, written(same, tmp_path), name="plain.csv")
    assert agreement(found, plain) >= 0.99
    assert "-1e-08" in said


def test_genes_that_are_zero_in_every_cell_were_not_measured(cases, pbmc, predicted):
    folder = cases / "cells/zero_padded"
    found, said = predicted(pbmc, folder / "half_of_genes_zero_filled.h5ad")
    subset, _ = predicted(pbmc, folder / "same_half_subset.h5ad", name="subset.csv")
    assert agreement(found, subset) >= 0.97
    assert right(found, read(folder / "same_half_subset.h5ad")) == pytest.approx(0.887, abs=0.02)
    assert "are 0 in all 150 cells" in said


# DNA


@pytest.fixture(scope="module")
def promoters(call, real_data, tmp_path_factory):
    """A small promoter model of 81 bp."""
    folder = tmp_path_factory.mktemp("promoters") / "m"
    source = real_data / "dna" / "promoter_bsubtilis_cnnprom.csv.gz"
    result = call("fit", "promoter", source, "--target=label", f"--out={folder}", *QUICK)
    assert result.exit_code == 0, result.stderr
    return folder


def refusal(call, tmp_path, *words):
    """Call what must refuse; returns its message."""
    before = sorted(tmp_path.rglob("*"))
    result = call(*words)
    assert result.exit_code == 2, result.stderr
    assert sorted(tmp_path.rglob("*")) == before, "something was written"
    return result.stderr


def test_windows_are_read_to_their_end_by_a_backbone(cases, call, tmp_path):
    folder, model, out = cases / "dna/backbone-n-truncates", tmp_path / "m", tmp_path / "o.csv"
    options = ["--set=linear_weight=0", "--set=composition=0", f"--set=backbone={folder / 'esm'}"]
    source = folder / "train.csv"
    result = call("fit", "promoter", source, "--target=label", f"--out={model}", *QUICK, *options)
    assert result.exit_code == 0, result.stderr
    assert call("predict", model, folder / "q.csv", f"--out={out}").exit_code == 0
    answers = pd.read_csv(out, index_col="id").drop(columns=["label", "confidence"])
    assert not np.allclose(answers.loc["N16_1"], answers.loc["N16_2"], atol=1e-6)
    scored = tmp_path / "o.vcf"
    place = [f"--genome={folder / 'g.fa'}", f"--windows={folder / 'tss.bed'}", f"--out={scored}"]
    result = call("variants", model, folder / "v2.vcf", *place)
    assert result.exit_code == 0, result.stderr
    effects = re.findall(r"DIFF_\w+=([^;\s]+)", scored.read_text())
    assert effects
    assert all(float(effect.split(",")[0]) != 0 for effect in effects)


def test_blocks_of_bed12_are_spoken_of(cases, promoters, predicted):
    folder = cases / "dna/bed12-blocks"
    _, said = predicted(promoters, folder / "a.bed", f"--genome={folder / 'g.fa'}")
    assert "block" in said


def test_a_strand_in_column_5_is_refused_or_read(cases, call, promoters, predicted, tmp_path):
    folder = cases / "dna/bed5-strand"
    genome = f"--genome={folder / 'g.fa'}"
    _, _ = predicted(promoters, folder / "bed6.bed", genome)
    out = tmp_path / "bed5.csv"
    said = refusal(
        call, tmp_path, "predict", promoters, folder / "bed5.bed", genome, f"--out={out}"
    )
    assert "column 5" in said
    assert "column 6" in said


def test_one_chromosome_has_one_part_however_it_is_spelled(cases, call, tmp_path):
    folder = cases / "dna/chrom-names-mixed"
    files = [folder / "ucsc.csv", folder / "ens.csv"]
    options = ["--target=label", "--split-by=chromosome", f"--out={tmp_path / 'm'}", *QUICK]
    result = call("fit", "promoter", *files, *options)
    assert result.exit_code == 0, result.stderr
    kept = next((tmp_path / "m").rglob("split*"))
    parts = pd.read_csv(kept, dtype=str)
    rows = pd.concat([pd.read_csv(path, dtype=str) for path in files])
    chromosome = rows["chrom"].str.removeprefix("chr").to_numpy()
    number = rows["id"].to_numpy()
    by_id = dict(zip(number, chromosome))
    # Ids may carry their file where files share one.
    names = parts["id"].where(parts["id"].isin(by_id), parts["id"].str.rsplit("-", n=1).str[0])
    spread = parts.groupby(names.map(by_id))["part"].agg(lambda p: {x == "test" for x in p})
    assert (spread.map(len) == 1).all()


def test_two_columns_of_one_name_are_refused(cases, call, tmp_path):
    path = cases / "dna/duplicate-header/dh2.csv"
    said = refusal(
        call, tmp_path, "fit", "promoter", path, "--target=label", f"--out={tmp_path / 'm'}"
    )
    assert "columns 2 and 3 are both called 'label'" in said


@pytest.fixture
def scored(call, tmp_path):
    """Score a VCF; returns its lines of variants and what was said."""

    def run(model, folder, vcf="a.vcf"):
        out = tmp_path / "o.vcf"
        result = call(
            "variants", model, folder / vcf, f"--genome={folder / 'g.fa'}", f"--out={out}"
        )
        assert result.exit_code == 0, result.stderr
        lines = [line for line in out.read_text().splitlines() if not line.startswith("#")]
        return lines, result.stderr

    return run


def test_a_reference_letter_of_an_ambiguous_base_is_scored(cases, promoters, scored):
    lines, _ = scored(promoters, cases / "dna/iupac-ref")
    assert len(lines) == 1
    assert "DIFF" in lines[0]
    assert "reference_mismatch" not in lines[0]


def test_labels_that_differ_in_blanks_are_one(cases, call, tmp_path):
    path, out = cases / "dna/label-spaces/lts.csv", tmp_path / "o.csv"
    result = call("fit", "promoter", path, "--target=label", f"--out={tmp_path / 'm'}", *QUICK)
    assert result.exit_code == 0, result.stderr
    assert call("predict", tmp_path / "m", path, f"--out={out}").exit_code == 0
    assert {"prom", "bg"} == set(pd.read_csv(out).columns) - {"id", "label", "confidence"}


def test_an_insertion_longer_than_the_window_is_noted(cases, call, scored, tmp_path):
    table = tmp_path / "windows.csv"
    rows = simulate_sequences(200, length=150).reset_index(names="id")
    rows.to_csv(table, index=False)
    model = tmp_path / "m"
    result = call("fit", "promoter", table, "--target=label", f"--out={model}", *QUICK)
    assert result.exit_code == 0, result.stderr
    lines, _ = scored(model, cases / "dna/long-insertion")
    assert "POLYOME_NOTE=" in lines[0]


def test_semicolons_with_decimal_commas_are_read_or_named(cases, call, tmp_path):
    path, out = cases / "dna/semicolon-decimal-comma/semid.csv", tmp_path / "m"
    result = call("fit", "expression", path, "--target=y", f"--out={out}", *QUICK)
    assert "semicolon" in result.stderr or result.exit_code == 0
    assert "row.names" not in result.stderr
    assert result.exit_code in {0, 2}


def test_a_stale_index_gives_no_wrong_bases(call, promoters, tmp_path):
    """As in the case's script: headers grew, the index is newer than the file."""
    pysam = pytest.importorskip("pysam")
    rng = np.random.default_rng(0)
    letters = rng.choice(np.frombuffer(b"ACGT", np.uint8), 72_000_000).tobytes()
    lines = [letters[i : i + 60] for i in range(0, len(letters), 60)]
    first, second = b"\n".join(lines[:700_000]), b"\n".join(lines[700_000:])
    genome = tmp_path / "g.fa"
    genome.write_bytes(b">chrA\n" + first + b"\n>chrB\n" + second + b"\n")
    pysam.faidx(str(genome))
    genome.write_bytes(b">chrA ver 2.2.2.2\n" + first + b"\n>chrB\n" + second + b"\n")
    index = tmp_path / "g.fa.fai"
    stamp = genome.stat().st_mtime
    os.utime(index, (stamp + 1000, stamp + 1000))
    bed = tmp_path / "x.bed"
    bed.write_text("chrA\t1000\t1081\ta\t0\t+\nchrB\t1000\t1081\tb\t0\t+\n")
    start = 700_000 * 60
    cut = [letters[1000:1081], letters[start + 1000 : start + 1081]]
    table = tmp_path / "cut.csv"
    table.write_text("id,sequence\n" + "".join(f"{i},{s.decode()}\n" for i, s in zip("ab", cut)))
    expected = tmp_path / "expected.csv"
    assert call("predict", promoters, table, f"--out={expected}").exit_code == 0
    out = tmp_path / "o.csv"
    result = call("predict", promoters, bed, f"--genome={genome}", f"--out={out}")
    if result.exit_code == 0:
        found, plain = pd.read_csv(out, index_col="id"), pd.read_csv(expected, index_col="id")
        np.testing.assert_allclose(found["confidence"], plain["confidence"], atol=1e-5)
    else:
        assert result.exit_code == 2
        assert ".fai" in result.stderr


def test_weights_that_are_cut_short_are_named(cases, call, tmp_path):
    folder = cases / "dna/truncated-safetensors"
    options = ["--target=label", f"--set=backbone={folder / 'trunc'}", f"--out={tmp_path / 'm'}"]
    said = refusal(call, tmp_path, "fit", "promoter", folder / "train.csv", *options)
    assert "model.safetensors" in said


@pytest.mark.parametrize(
    ("words", "rows"),
    [(["quo.tsv"], 120), (["l.fa", "--labels=l.tsv"], 60)],
    ids=["table", "labels"],
)
def test_quote_marks_swallow_no_rows(cases, call, tmp_path, words, rows):
    folder = cases / "dna/unbalanced-quotes"
    words = [re.sub(r"(^|=)(\w+\.\w+)$", rf"\g<1>{folder}/\g<2>", word) for word in words]
    out = tmp_path / "m"
    result = call("fit", "promoter", *words, "--target=label", f"--out={out}", *QUICK)
    if result.exit_code == 0:
        kept = next(out.rglob("split*"))
        assert len(pd.read_csv(kept)) == rows
    else:
        assert result.exit_code == 2
        assert "quot" in result.stderr
        assert re.search(r"row|line", result.stderr)


def test_a_vcf_comes_through_a_pipe_or_is_refused_as_one(cases, promoters, tmp_path):
    folder, out = cases / "dna/vcf-from-pipe", tmp_path / "o.vcf"
    pipe = tmp_path / "pipe.vcf"
    os.mkfifo(pipe)
    content = (folder / "a.vcf").read_bytes()
    writer = threading.Thread(target=pipe.write_bytes, args=(content,), daemon=True)
    writer.start()
    words = ["variants", promoters, pipe, f"--genome={folder / 'g.fa'}", f"--out={out}"]
    result = subprocess.run(
        [sys.executable, "-m", "polyome", *map(str, words)],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    variants = sum(not line.startswith("#") for line in content.decode().splitlines())
    if result.returncode == 0:
        kept = [line for line in out.read_text().splitlines() if not line.startswith("#")]
        assert len(kept) == variants
    else:
        assert result.returncode == 2
        assert "pipe" in result.stderr
