import json

import numpy as np
import pandas as pd
import pytest

from polyome._errors import InputError
from polyome.data.simulate import simulate_sequences
from polyome.estimator import estimator_class
from polyome.explain.sequences import _intervals
from polyome.modalities import SequenceModality

BOX = "TATAAAAG"


def places_of_box(table):
    return table["sequence"].str.find(BOX).to_numpy()


def test_the_top_base_stands_in_the_planted_box(why_sequences, sequences):
    starts = places_of_box(sequences)
    has_box = (sequences["label"] == "promoter").to_numpy()
    top = np.nanargmax(why_sequences.contributions, axis=1)
    inside = (top >= starts) & (top < starts + len(BOX))
    assert inside[has_box].mean() >= 0.9


def test_changing_the_box_costs_more_than_changing_its_surroundings(why_sequences, sequences):
    row = int(np.flatnonzero(sequences["label"] == "promoter")[0])
    start = places_of_box(sequences)[row]
    contributions = why_sequences.contributions[row]
    box = contributions[start : start + 8]
    assert box.mean() > 3 * np.abs(np.delete(contributions, range(start, start + 8))).mean()


def test_the_table_has_a_row_per_base(why_sequences, sequences):
    table = why_sequences.table
    assert len(table) == sequences["sequence"].str.len().sum()
    first = table[table["id"] == sequences.index[0]]
    assert "".join(first["base"]) == sequences["sequence"].iloc[0]
    effects = first[["to_A", "to_C", "to_G", "to_T"]].to_numpy()
    np.testing.assert_allclose(-effects.mean(axis=1), first["contribution"], atol=1e-5)


def test_each_sequence_is_explained_for_its_best_class(sequence_model, sequences):
    some = sequences.head(4)
    why = sequence_model.explain(some)
    assert list(why.outputs) == list(sequence_model.predict(some)["label"])
    assert (why.explained > 0).all()


def test_two_classes_mirror_each_other(sequence_model, sequences, why_sequences):
    other = sequence_model.explain(sequences.head(3), output="background")
    np.testing.assert_allclose(other.effects, -why_sequences.effects[:3], atol=1e-4)


def test_longer_sequences_are_explained_where_they_are_read(sequence_model, sequences):
    long = sequences.head(2).assign(sequence=lambda t: t["sequence"] + "ACGT" * 50)
    found = sequence_model.explain(long, output="promoter")
    usual = sequence_model.explain(sequences.head(2), output="promoter")
    np.testing.assert_allclose(found.effects, usual.effects, atol=1e-5)
    assert any("longer than any training sequence" in note for note in found.notes)


@pytest.mark.parametrize("strand", ["+", "-"])
def test_tracks_stand_where_the_bases_do(strand, sequence_model, sequences, tmp_path):
    bed = sequences.head(1).assign(chrom="chr1", start=100, end=160, strand=strand)
    why = sequence_model.explain(bed)
    why.save(tmp_path / "why")
    track = pd.read_csv(
        tmp_path / "why" / "contributions.bedgraph", sep="\t", names=["chrom", "start", "end", "v"]
    )
    assert list(track["start"]) == list(range(100, 160))
    ordered = why.contributions[0] if strand == "+" else why.contributions[0][::-1]
    np.testing.assert_allclose(track["v"], ordered, rtol=1e-4)


def test_too_many_are_drawn_from_with_a_note(sequence_model, sequences):
    why = sequence_model.explain(sequences, most_bp=200)
    assert len(why.names) == 3
    assert any("3 of 24 sequences, drawn at random" in note for note in why.notes)


def test_the_folder_is_listed_and_whole(why_sequences, tmp_path):
    why_sequences.save(tmp_path / "why")
    index = json.loads((tmp_path / "why" / "polyome_explanation.json").read_text())
    assert index["task"] == "promoter"
    assert index["simulated"] is True
    listed = {item["file"] for item in index["items"]}
    there = {path.name for path in (tmp_path / "why").iterdir()}
    assert listed | {"polyome_explanation.json"} == there
    assert {item["kind"] for item in index["items"]} == {"picture", "table", "data"}
    assert all(item["title"] and item["how_to_read"].endswith(".") for item in index["items"])
    assert [path.name for path in tmp_path.iterdir()] == ["why"], "nothing half-written"


def test_motifs_hold_the_planted_box(why_sequences):
    table = why_sequences.motif_table
    of_promoters = table[table["output"] == "promoter"]
    assert any("TATA" in c.upper() or "TATA" in c.upper()[::-1] for c in of_promoters["consensus"])


def test_plots_name_the_sequence(why_sequences, sequences):
    name = sequences.index[3]
    assert why_sequences.plot(name).get_title(loc="left") == f"{name}: promoter"
    with pytest.raises(InputError, match="no explained sequence 'sequence x'"):
        why_sequences.plot("sequence x")


def test_unknown_outputs_and_settings_are_refused(sequence_model):
    table = simulate_sequences(4)
    with pytest.raises(InputError, match=r"output='promotor' .* Did you mean 'promoter'"):
        sequence_model.explain(table, output="promotor")
    with pytest.raises(InputError, match="explain knows no key 'mostbp'"):
        sequence_model.explain(table, mostbp=3)
    with pytest.raises(InputError, match="most_bp"):
        sequence_model.explain(table, most_bp=0)
    with pytest.raises(InputError, match=r"no motif file .*none\.meme"):
        sequence_model.explain(table, motifs="none.meme")


@pytest.mark.parametrize(
    ("ends", "known"), [(60, True), (900, False), ([f"{60}"] * 6, False), ([60.0] * 6, False)]
)
def test_tracks_need_the_coordinates_of_these_very_bases(sequence_model, ends, known):
    table = simulate_sequences(6, length=60).assign(chrom="chr1", start=0, end=ends)
    assert (sequence_model.explain(table).intervals is not None) == known


@pytest.mark.parametrize(("strand", "start", "end"), [("+", 100, 160), ("-", 120, 180)])
def test_tracks_of_longer_sequences_hold_what_was_read(sequence_model, strand, start, end):
    table = simulate_sequences(3, length=80)
    table = table.assign(chrom="chr1", start=100, end=180, strand=strand)
    found = sequence_model.explain(table).intervals
    assert (found[["start", "end"]] == [start, end]).all(axis=None)


def test_positions_are_those_of_the_users_sequence():
    model = estimator_class("promoter")(
        hidden_size=16, num_members=1, device="cpu", quiet=True, anchor="end"
    )
    table = simulate_sequences(80)
    model.fit(table, "label", baselines=False, num_train_epochs=1)
    long = table.head(2).assign(sequence=lambda t: "ACGT" * 10 + t["sequence"])
    why = model.explain(long)
    found = why.table[why.table["id"] == long.index[0]]
    assert found["position"].tolist() == list(range(40, 100))
    text = long["sequence"].iloc[0]
    assert "".join(found["base"]) == text[40:]
    assert why.plot(str(long.index[0])).get_xlim()[0] >= 39


def test_each_class_has_a_track_of_its_own(sequence_model, sequences, tmp_path):
    bed = sequences.head(8).assign(chrom="chr1", start=100, end=160, strand="+")
    why = sequence_model.explain(bed)
    assert set(why.outputs) == {"promoter", "background"}
    why.save(tmp_path / "why")
    items = json.loads((tmp_path / "why" / "polyome_explanation.json").read_text())["items"]
    tracks = {i["title"].split()[2]: i["file"] for i in items if i["file"].endswith("bedgraph")}
    for output, file in tracks.items():
        track = pd.read_csv(tmp_path / "why" / file, sep="\t", header=None)
        mean = why.contributions[why.outputs == output].mean(axis=0)
        np.testing.assert_allclose(track[3], mean, rtol=1e-3, atol=1e-5)
    assert set(tracks) == {"promoter", "background"}


@pytest.mark.parametrize(("given", "strand"), [(-1, "-"), (1, "+"), ("minus", "-"), (None, ".")])
def test_strands_are_read_in_every_usual_form(given, strand, sequence_model, sequences):
    bed = sequences.head(2).assign(chrom="chr1", start=0, end=60, strand=given)
    assert set(sequence_model.explain(bed).intervals["strand"]) == {strand}


def test_a_strand_that_is_none_is_refused(sequence_model, sequences):
    bed = sequences.head(2).assign(chrom="chr1", start=0, end=60, strand="up")
    with pytest.raises(InputError, match=r"is 'up'; '\+', '-' or '.' is needed"):
        sequence_model.explain(bed)


@pytest.mark.parametrize(
    ("options", "is_known"),
    [
        ({}, True),
        ({"window_bp": 8}, True),
        ({"window_bp": 8, "center": "summit"}, False),
        ({"window_bp": 6}, False),
        ({"beyond": "pad"}, False),
        ({"circular": "chr1"}, False),
    ],
)
def test_tracks_are_only_of_bases_at_their_interval(tmp_path, options, is_known):
    genome, bed = tmp_path / "g.fa", tmp_path / "a.bed"
    genome.write_text(">chr1\n" + "ACGTTGCA" * 9 + "\n")
    bed.write_text("chr1\t10\t18\ta\t0\t-\t1\t1\t1\t7\n")
    records = SequenceModality().read(bed, genome=genome, **options)
    assert (_intervals(records) is not None) == is_known
