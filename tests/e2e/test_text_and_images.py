"""Records with a few words about them, and with pictures."""

import anndata
import numpy as np
import pandas as pd
import pytest
from anndata import AnnData
from typer.testing import CliRunner

import polyome
from polyome import Classifier, InputError
from polyome.cli import app

SMALL = {"num_members": 2, "hidden_size": 16, "quiet": True}
KINDS = np.array(["normal", "stroma", "tumour"])
OWN = {
    "normal": ["regular", "glands", "mucosa"],
    "stroma": ["fibrous", "collagen", "spindle"],
    "tumour": ["atypical", "mitoses", "necrosis"],
}


def notes(n=150, seed=0):
    """Notes of six common words and two of a kind's own; two numbers; some lack the note."""
    rng = np.random.default_rng(seed)
    kinds = rng.choice(KINDS, n)
    common = ["the", "sample", "was", "taken", "from", "a", "patient", "and", "shows", "cells"]
    texts = [" ".join([*rng.choice(common, 6), *rng.choice(OWN[kind], 2)]) for kind in kinds]
    lab = rng.normal(size=(n, 2)) + 1.5 * (kinds == "tumour")[:, None]
    table = pd.DataFrame(
        {"note": texts, "lab_a": lab[:, 0], "lab_b": lab[:, 1], "kind": kinds},
        index=[f"p{i}" for i in range(n)],
    )
    table.loc[table.index[::10], "note"] = None
    return table


def pictures(n=150, seed=0, size=16):
    """Grey noise with a bright bar, upright, lying or none: no pixel tells it by itself."""
    rng = np.random.default_rng(seed)
    kinds = rng.choice(KINDS, n)
    shown = rng.normal(90, 20, (n, size, size, 1)).clip(0, 255)
    for picture, kind in zip(shown, kinds, strict=True):
        at = rng.integers(2, size - 2)
        if kind == "stroma":
            picture[:, at] = 220
        elif kind == "tumour":
            picture[at] = 220
    obs = pd.DataFrame({"kind": kinds}, index=[f"p{i}" for i in range(n)])
    return AnnData(obs=obs, obsm={"patch": shown.astype(np.uint8)})


@pytest.fixture(scope="module")
def of_notes():
    model = Classifier(inputs="note=text,lab=features", **SMALL)
    return model.fit(notes(), "kind", num_train_epochs=4)


def test_words_tell_the_class_and_are_named(of_notes):
    assert of_notes.evaluation_.metrics["accuracy"] > 0.9
    best = of_notes.explain(notes()).table.query("input == 'note'")
    for kind in KINDS:
        words = best[best["explained"] == kind].head(3)["feature"]
        assert set(words) & set(OWN[kind])


def test_a_saved_model_reads_notes_it_has_not_seen(of_notes, tmp_path):
    of_notes.save_pretrained(tmp_path / "model")
    again = polyome.load(tmp_path / "model")
    new = notes(seed=4)
    new.loc[new.index[1], "note"] = "wholly unheard of"
    pd.testing.assert_frame_equal(again.predict(new), of_notes.predict(new))
    alone = again.predict(new[["note"]].dropna())
    assert (alone["label"] == new["kind"][alone.index]).mean() > 0.9


def test_a_column_of_obs_is_a_note(of_notes):
    table = notes()
    lab = AnnData(
        table[["lab_a", "lab_b"]].to_numpy(np.float32),
        table[["note", "kind"]],
        pd.DataFrame(index=["a", "b"]),
    )
    model = Classifier(inputs="note=text,X=features", **SMALL)
    model.fit(lab, "kind", num_train_epochs=4)
    assert model.evaluation_.metrics["accuracy"] > 0.9


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.assign(note=1.0), "input 'note': column 'note' holds numbers, not text"),
        (
            lambda t: t.assign(note=pd.Categorical(np.arange(len(t)) % 3)),
            "column 'note' holds numbers, not text",
        ),
        (lambda t: t.assign(note="the same"), "input 'note': no word stands in 2 of the"),
        (lambda t: t.drop(columns="note"), "the input 'note' has no column"),
    ],
)
def test_columns_that_are_no_notes_are_refused(change, message):
    with pytest.raises(InputError, match=message):
        Classifier(inputs="note=text,lab=features", **SMALL).fit(change(notes()), "kind")


def test_pictures_are_read_from_the_command_line(tmp_path):
    data, query = tmp_path / "spots.h5ad", tmp_path / "new.h5ad"
    pictures(300).write_h5ad(data)
    pictures(60, seed=3).write_h5ad(query)
    folder, out = tmp_path / "model", tmp_path / "named.h5ad"
    run = CliRunner().invoke
    fit = ["fit", "classify", data, f"--out={folder}", "--target=kind", "--inputs=patch=image"]
    small = ["--set=num_members=2", "--set=hidden_size=32", "--set=num_train_epochs=12"]
    result = run(app, [*map(str, fit), *small])
    assert result.exit_code == 0, result.stderr
    assert "pictures of 16 x 16 pixels" in result.stderr
    assert run(app, ["predict", str(folder), str(query), f"--out={out}"]).exit_code == 0
    named = anndata.read_h5ad(out)
    assert (named.obs["polyome_label"].astype(str) == named.obs["kind"].astype(str)).mean() > 0.6


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda p: np.moveaxis(p.repeat(3, axis=3), 3, 1), "channels seem to come first"),
        (lambda p: np.zeros_like(p), "none of the 256 pixels varies"),
        (lambda p: np.where(p > 200, np.inf, p.astype(float)), "an infinite value"),
    ],
)
def test_arrays_that_are_no_pictures_are_refused(change, message):
    data = pictures()
    data.obsm["patch"] = change(data.obsm["patch"])
    with pytest.raises(InputError, match=message):
        Classifier(inputs="patch", **SMALL).fit(data, "kind")


def test_pictures_of_another_size_are_refused():
    model = Classifier(inputs="patch", **SMALL)
    model.fit(pictures(), "kind", num_train_epochs=1, baselines=False)
    with pytest.raises(InputError, match="pictures are 12x12x1, those of the training records 16x"):
        model.predict(pictures(20, size=12))


def visium(seed=0):
    """Spots on a grid of a picture of two colours, as scanpy reads them."""
    x, y = (one.ravel() for one in np.meshgrid(np.arange(12), np.arange(10)))
    picture = np.full((120, 140, 3), 0.8, np.float32)
    picture[:, 70:] = [0.5, 0.2, 0.6]
    picture += np.random.default_rng(seed).normal(0, 0.2, picture.shape).astype(np.float32)
    side = np.where(x < 6, "left", "right")
    counts = np.random.default_rng(1).poisson(3, (120, 20)).astype(np.float32)
    spots = AnnData(counts, obs=pd.DataFrame({"side": side}, index=[f"s{i}" for i in range(120)]))
    spots.obsm["spatial"] = np.stack([x, y], axis=1) * 110.0 + 80
    factors = {"tissue_hires_scalef": 0.1, "spot_diameter_fullres": 90.0}
    spots.uns["spatial"] = {"A": {"images": {"hires": picture}, "scalefactors": factors}}
    return spots


def test_patches_are_cut_from_a_visium_picture():
    model = Classifier(inputs="image", **SMALL)
    model.fit(visium(), "side", num_train_epochs=2, baselines=False)
    other = visium(seed=1)
    assert (model.predict(other)["label"] == other.obs["side"]).mean() > 0.9


def test_spots_outside_the_picture_are_named():
    spots = visium()
    spots.obsm["spatial"] = spots.obsm["spatial"] * 10
    with pytest.raises(InputError, match=r"spots lie outside the picture 'hires' of 140 x 120"):
        Classifier(inputs="image", **SMALL).fit(spots, "side")


def test_a_spot_without_a_place_is_answered_from_its_counts():
    spots = visium()
    spots.obsm["spatial"][::20] = np.nan
    spots.X[:, 0] += 10 * (spots.obs["side"] == "left")
    model = Classifier(inputs="image,X=cell", **SMALL)
    model.fit(spots, "side", num_train_epochs=1, baselines=False)
    assert model.predict(spots)["label"].notna().all()
