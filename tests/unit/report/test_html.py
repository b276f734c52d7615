"""The page says what the folder holds, nothing more, and asks nothing of the network."""

import json
import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from markupsafe import Markup

import polyome
from polyome._errors import InputError
from polyome.report import contents, html, reproduce
from polyome.report.example import example_record, example_scored
from polyome.report.record import ModelRecord
from polyome.report.verdict import losses, verdict


def page_of(record):
    return html.render(record, html.ReportArguments(), seed=0)


@pytest.fixture(scope="module")
def page():
    """A page with all its figures."""
    return page_of(example_record())


@pytest.fixture
def without_figures(monkeypatch):
    """Still figures take most of the time; a test that looks at others goes without."""
    for module in (contents, html):
        monkeypatch.setattr(module, "as_svg", lambda *_, **__: Markup("<svg></svg>"))


def sections_of(page):
    return re.findall(r'<section id="([^"]+)"', page)


def test_a_report_of_everything(folder, tmp_path):
    out = tmp_path / "out.html"
    assert polyome.report(folder, out, quiet=True) == out
    page = out.read_text()
    assert sections_of(page) == [
        *("scores", "data", "mistakes", "ranking", "confidence", "unknown"),
        *("learning", "representation", "tissue", "again", "card"),
    ]
    for said in ("Two rows agree.", "95 % interval", "class frequencies", "No model made these"):
        assert said in page
    assert len(page) < 500_000


@pytest.mark.usefixtures("without_figures")
def test_the_default_place_is_the_model_folder(folder):
    assert polyome.report(folder, quiet=True) == folder / "report.html"


def test_nothing_comes_from_outside(page):
    names = {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"}  # names, not addresses
    assert set(re.findall(r"https?://[^\"'\s<>)]+", page)) <= names
    assert not re.findall(r'(?:src|href)="(?!data:|#)[^"]', page)
    assert "@import" not in page
    assert "default-src 'none'" in page


def test_names_from_strangers_stay_text():
    evil = ("</script><script>alert(1)</script>", "<img src=x onerror=alert(2)>", "$x_1$ & b")
    page = page_of(example_record(example_scored(classes=evil)))
    assert "<script>alert" not in page
    assert "<img src=x" not in page
    assert page.count("<script") == 1 + page.count('<script type="application/json">')


def test_ids_are_given_once(page):
    ids = re.findall(r'\bid="([^"]+)"', page)
    assert len(ids) == len(set(ids))
    used = re.findall(r'(?:xlink:href="#|url\(#)([^")]+)', page)
    assert used
    assert set(used) <= set(ids)


def test_points_are_those_of_the_records(page, record):
    data = json.loads(re.search(r'id="umap".*?json">(.*?)</script>', page, re.DOTALL)[1])
    assert len(data["x"]) == len(data["y"]) == len(data["names"]) == 60
    truth = data["colorings"][0]
    assert [truth["labels"][v] for v in truth["values"]] == record.scored.truth.tolist()
    assert [c["title"] for c in data["colorings"]] == ["truth", "prediction", "confidence", "error"]


@pytest.mark.usefixtures("without_figures")
def test_large_sets_are_drawn_from_and_it_is_said(record):
    page = html.render(record, html.ReportArguments(umap_records=20, map_records=20), seed=0)
    assert "20 of 60 records, drawn at random." in page
    data = json.loads(re.search(r'id="umap".*?json">(.*?)</script>', page, re.DOTALL)[1])
    assert len(data["x"]) == 20


@pytest.mark.usefixtures("without_figures")
def test_a_model_without_a_test_part_claims_nothing(record):
    bare = replace(record, scores={}, scored=None)
    page = page_of(bare)
    assert sections_of(page) == ["data", "learning", "again", "card"]
    assert "nothing is known of how good" in page


def test_a_model_of_values(value_folder):
    page = page_of(ModelRecord.read(value_folder))
    assert {"values", "representation"} <= set(sections_of(page))
    assert not {"mistakes", "ranking", "confidence"} & set(sections_of(page))
    for said in ("inside the interval", "<td>brain</td><td>0.850</td>", "r = 0.8"):
        assert said in page


def test_values_that_are_missing_stay_json(value_folder):
    path = value_folder / "evaluation" / "predictions.csv.gz"
    table = pd.read_csv(path, index_col="id")
    table.loc[table.index[:2], "truth_liver"] = np.nan
    table.to_csv(path)
    page = page_of(ModelRecord.read(value_folder))
    data = [json.loads(text) for text in re.findall(r'json">(.*?)</script>', page, re.DOTALL)]
    liver, _, places = data
    assert "NaN" not in page
    assert len(liver["x"]) == 58
    assert places["colorings"][0]["values"][:2] == [None, None]


def test_very_many_classes_are_not_drawn():
    scored = example_scored(n=400, classes=tuple(f"type {i}" for i in range(130)))
    section = contents._mistakes(scored)
    assert section.figures == []
    assert "130 classes are too many" in section.text[0]
    assert section.tables[0].folded


def scored_as(own, other, ends=None, metric="accuracy"):
    """Scores of a model and a baseline; ``ends`` is the paired interval of their difference."""
    record = example_record()
    scores = {
        "n": 100,
        "metrics": {metric: own},
        "baselines": {"logistic_regression": {metric: other}},
        "intervals": {metric: [own - 0.1, own + 0.1]},
        "differences": {"logistic_regression": [own - other, *(ends or (None, None))]},
    }
    return replace(record, scores=scores)


@pytest.mark.usefixtures("without_figures")
@pytest.mark.parametrize(
    ("own", "other", "ends", "standing", "said"),
    [
        (0.8, 0.5, (0.2, 0.4), "ahead", "The best cheap baseline is logistic regression (0.500);"),
        (
            0.8,
            0.75,
            (-0.01, 0.1),
            "even",
            "(0.750), does not differ from it beyond chance (difference +0.050",
        ),
        (0.8, 0.85, (-0.1, 0.01), "even", "95 % interval -0.100 to +0.010, paired)"),
        (0.9, 0.915, (-0.024, -0.009), "behind", "wins: logistic regression (0.915); difference"),
    ],
)
def test_the_verdict_says_plainly_where_a_baseline_wins(own, other, ends, standing, said):
    record = scored_as(own, other, ends)
    found = verdict(record)
    assert found.standing == standing
    assert said in " ".join(found.sentences)
    assert said in page_of(replace(record, scored=None)).replace("&#39;", "'")
    assert bool(losses(record)) == (other > own)


def test_a_tie_without_an_interval_is_no_loss():
    assert verdict(scored_as(1.0, 1.0)).standing == "even"


def test_where_less_is_better_less_wins():
    assert verdict(scored_as(0.4, 0.2, (0.1, 0.3), "log_loss")).standing == "behind"
    assert losses(scored_as(0.4, 0.6, (-0.3, -0.1), "log_loss")) == []
    assert verdict(replace(scored_as(0.8, 0.5), scores={})) is None


def test_without_baselines_it_says_so():
    record = scored_as(0.8, 0.5)
    record.scores["baselines"] = {}
    assert verdict(record).standing == "alone"


def test_the_command_that_makes_it_again(record):
    facts = record.facts | {
        "inputs": ["my cells.h5ad"],
        "asked": {"split_by": "group", "group": "donor", "num_train_epochs": 3, "scanner": True},
    }
    again = replace(record, summary=record.summary | {"facts": facts, "settings": {"seed": 4}})
    again.summary["settings"]["hidden_size"] = 32
    assert reproduce.command(again) == (
        "polyome fit cell-type 'my cells.h5ad' --target=cell_type --split-by=group --group=donor "
        "--set=hidden_size=32 --set=num_train_epochs=3 --set=scanner=true --seed=4 --out=MODEL_DIR"
    )
    assert "model.fit('my cells.h5ad', 'cell_type', split_by='group'" in reproduce.python(again)


def test_a_missing_package_is_named_with_its_extra(folder, monkeypatch):
    monkeypatch.setattr(html, "find_spec", lambda name: None if name == "jinja2" else name)
    with pytest.raises(InputError, match=r"needs jinja2: pip install 'polyome\[report\]'"):
        polyome.report(folder)


def test_where_nothing_can_be_written(folder, tmp_path):
    with pytest.raises(InputError, match="does not exist; make it first"):
        polyome.report(folder, tmp_path / "no" / "a.html")


@pytest.mark.usefixtures("without_figures")
def test_explanations_are_shown(folder):
    inside = folder / "explanations"
    inside.mkdir()
    (inside / "logo.svg").write_text('<svg xmlns="http://www.w3.org/2000/svg"><script/></svg>')
    table = "gene,contribution\n" + "".join(f"G{i},{i / 3}\n" for i in range(30))
    (inside / "genes.csv").write_text(table)
    items = [
        {"title": "A logo", "how_to_read": "Up is for.", "file": "logo.svg", "kind": "picture"},
        {"title": "Genes", "how_to_read": "Top is first.", "file": "genes.csv", "kind": "table"},
        {"title": "All", "how_to_read": "-", "file": "all.h5ad", "kind": "data"},
    ]
    index = {"items": items, "simulated": True, "notes": ["By hand."]}
    (inside / "polyome_explanation.json").write_text(json.dumps(index))
    page = page_of(ModelRecord.read(folder))
    for said in ("A logo", "Up is for.", "G19", "0.3333", "10 more rows", "By hand.", "Simulated"):
        assert said in page
    assert 'src="data:image/svg+xml;base64,' in page
    assert "G20" not in page


@pytest.mark.usefixtures("without_figures")
def test_explanations_without_an_index_or_with_a_damaged_one(folder):
    (folder / "explanations").mkdir()
    (folder / "explanations" / "my_genes.csv").write_text("gene\nA\n")
    assert "my genes" in page_of(ModelRecord.read(folder))
    for damaged in ("{", '{"items": [{}]}'):
        (folder / "explanations" / "polyome_explanation.json").write_text(damaged)
        with pytest.raises(InputError, match="is damaged"):
            page_of(ModelRecord.read(folder))


def test_the_weight_of_the_linear_model_stands_where_the_score_is():
    record = scored_as(0.8, 0.5, (0.2, 0.4))
    record.scores["linear_weight"] = 0.913
    first = verdict(record).sentences[0]
    assert first.endswith("The linear model's weight in the answer is 0.91.")
