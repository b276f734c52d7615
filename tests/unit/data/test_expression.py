"""The grammar of simulated reporters does what its description says."""

import numpy as np
import pytest

from polyome._errors import InputError
from polyome.data.expression import simulate_expression, simulate_levels
from polyome.data.expression_grammar import (
    CAP,
    EXPRESSION_ELEMENTS,
    SPACERS,
    expression_scores,
)

FILL = "C" * 150


def planted(*words, ten=120, fill=FILL):
    """Sequence with words at places relative to the -10's first base."""
    letters = list(fill)
    for word, place in words:
        letters[ten + place : ten + place + len(word)] = word
    return "".join(letters)


def core(five="TTGACA", ten="TATAAT", spacer=17):
    return ((five, -6 - spacer), (ten, 0))


def score(*words, **where):
    return float(expression_scores([planted(*words, **where)])[0])


WEAK = core("TTGCCA", "TATGAT")  # far from saturation, so that effects show


def test_there_are_six_kinds_and_each_has_a_source():
    assert len(EXPRESSION_ELEMENTS) >= 6
    assert all(
        element.source[-4:].isdigit() or "NAR" in element.source or element.source
        for element in EXPRESSION_ELEMENTS.values()
    )


def test_affinity_counts_letter_by_letter():
    assert score(*core()) > score(*core("TTGACG")) > score(*core("TTGCCG")) > score(*core("CCCCCC"))


def test_17_bp_between_the_core_words_is_best():
    found = {s: score(*core("TTGCCA", "TATGAT", s)) for s in SPACERS}
    assert max(found, key=found.get) == 17
    assert found[17] > found[16] > found[15]
    assert found[17] > found[18] > found[19]
    assert score(*core("TTGACA", "TATAAT", 25)) < score(*core("TTGACA", "TATAAT", 19))


def test_an_extended_10_and_an_up_element_help():
    assert score(*WEAK, ("TG", -3)) > score(*WEAK) + 0.5
    up = "GGAAATTTTTTTTTTTAAAGGG"
    assert score(*WEAK, (up, -23 - 22)) > score(*WEAK) + 0.5


def test_activators_help_by_number_and_on_one_face_of_the_helix():
    site = "TGTGAGGGGGGTCACA"
    one = score(*WEAK, (site, -54))
    two = score(*WEAK, (site, -54), (site, -54 - 21))
    other_face = score(*WEAK, (site, -54 - 5))
    assert two > one > other_face
    assert other_face == pytest.approx(score(*WEAK), abs=0.2)


def test_repressors_hurt_where_they_overlap_the_promoter():
    site = EXPRESSION_ELEMENTS["LacI"].consensus
    assert score(*core(), (site, 8)) < score(*core()) - 0.5
    assert score(*core(), (site, -100)) == pytest.approx(score(*core()), abs=1e-3)


def test_decoys_do_nothing():
    assert score(*WEAK, ("TTGACA", -100)) == pytest.approx(score(*WEAK), abs=0.05)
    assert score(*WEAK, ("ATTATA", -80)) == pytest.approx(score(*WEAK), abs=0.05)
    assert score(*WEAK, ("TGTGA", -54)) == pytest.approx(score(*WEAK), abs=0.05)


def test_the_truth_correlates_with_what_is_measured_by_the_cap():
    table = simulate_expression(4000, seed=1)
    assert np.corrcoef(table["truth"], table["expression"])[0, 1] == pytest.approx(CAP, abs=0.01)
    np.testing.assert_allclose(
        expression_scores(table["sequence"].tolist()[:20]), table["truth"][:20]
    )
    assert table.attrs["simulated"]
    assert table["truth"].std() > 1.5


def test_one_seed_gives_one_table_and_unknown_letters_match_nothing():
    assert simulate_expression(20, seed=3).equals(simulate_expression(20, seed=3))
    assert simulate_levels(20, seed=3).equals(simulate_levels(20, seed=3))
    blank = expression_scores(["N" * 150])[0]
    assert blank <= score()
    assert np.isfinite(blank)


def test_short_sequences_are_refused():
    with pytest.raises(InputError, match="110 or more"):
        expression_scores(["ACGT"])
    with pytest.raises(InputError, match="110 bp or more"):
        simulate_expression(3, 50)


def test_a_score_does_not_depend_on_what_stands_beside():
    short, long = "C" * 88 + "TTGACA" + "C" * 17 + "TATAA", "C" * 130
    assert expression_scores([short, long])[0] == expression_scores([short])[0]
    assert expression_scores([long, short])[1] == expression_scores([short])[0]
