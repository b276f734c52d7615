"""The cheap models of sequences find what is planted for them."""

import numpy as np
import pytest

from polyome.baselines import dna as dna_baselines
from polyome.baselines.dna import (
    BOOSTING_GRID,
    averaged_boosting,
    choose_boosting,
    gradient_boosting,
    log_pool,
    placed_letters,
    scaled_kmers,
    small_cnn,
    tuned_linear,
)
from polyome.io.nucleotides import Codes


def random_windows(number: int, seed: int = 0) -> Codes:
    """Letters without any order, (number, 40)."""
    return np.random.default_rng(seed).integers(1, 5, (number, 40)).astype(np.uint8)


def with_word(windows: Codes, rows: np.ndarray, word: str, place: int | None) -> Codes:
    """Put a word into some windows, at one place or, with None, anywhere."""
    rng = np.random.default_rng(1)
    codes = np.array(["ACGT".index(letter) + 1 for letter in word], np.uint8)
    changed = windows.copy()
    for row in np.flatnonzero(rows):
        start = rng.integers(0, 40 - len(word)) if place is None else place
        changed[row, start : start + len(word)] = codes
    return changed


@pytest.fixture(scope="module")
def anywhere() -> tuple[Codes, np.ndarray]:
    """Windows, half of them with TATAATGC anywhere, and which."""
    rows = np.arange(400) % 2 == 1
    return with_word(random_windows(400), rows, "TATAATGC", None), rows


@pytest.fixture(scope="module")
def in_place() -> tuple[Codes, np.ndarray]:
    """Windows in which the fifth letter is A or T for one class and C or G for the other."""
    rows = np.arange(400) % 2 == 1
    windows = random_windows(400)
    rng = np.random.default_rng(2)
    windows[:, 5] = np.where(rows, rng.choice([1, 4], 400), rng.choice([2, 3], 400))
    return windows, rows


def accuracy(proba: np.ndarray, truth: np.ndarray) -> float:
    return float((proba.argmax(axis=1) == truth).mean())


def test_kmers_find_a_word_anywhere(anywhere: tuple[Codes, np.ndarray]) -> None:
    windows, truth = anywhere
    found = tuned_linear(windows[:300], truth[:300], windows[300:], scaled_kmers)
    assert accuracy(found, truth[300:]) > 0.9
    assert np.allclose(found.sum(axis=1), 1)


def test_letters_find_a_place_that_kmers_do_not(in_place: tuple[Codes, np.ndarray]) -> None:
    windows, truth = in_place
    by_place = tuned_linear(windows[:300], truth[:300], windows[300:], placed_letters)
    by_words = tuned_linear(windows[:300], truth[:300], windows[300:], scaled_kmers)
    assert accuracy(by_place, truth[300:]) > 0.95
    assert accuracy(by_words, truth[300:]) < 0.75


def test_kmers_are_scaled_by_training_windows_alone() -> None:
    train, one, other = random_windows(50), random_windows(5, 1), random_windows(9, 2)
    assert (scaled_kmers(train, one)[0] != scaled_kmers(train, other)[0]).nnz == 0


def test_boosting_is_chosen_on_inner_folds_and_averaged(
    in_place: tuple[Codes, np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    windows, truth = in_place
    grid = ({"max_iter": 1, "learning_rate": 0.001}, {"max_iter": 8, "learning_rate": 0.3})
    monkeypatch.setattr(dna_baselines, "BOOSTING_GRID", grid)
    chosen = choose_boosting(windows[:300], truth[:300])
    assert chosen == grid[1]
    found = averaged_boosting(windows[:300], truth[:300], windows[300:], chosen, seeds=range(2))
    one = averaged_boosting(windows[:300], truth[:300], windows[300:310], chosen, seeds=range(1))
    assert accuracy(found, truth[300:]) > 0.9
    assert not np.array_equal(found[:10], one)


def test_the_grid_has_settings_that_boosting_takes() -> None:
    windows, truth = random_windows(60), np.arange(60) % 2
    for settings in BOOSTING_GRID:
        few = settings | {"max_iter": 2}
        proba = averaged_boosting(windows, truth, windows[:4], few, seeds=range(1))
        assert proba.shape == (4, 2)


def test_quick_boosting_steps_back_from_many_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    windows, truth = random_windows(60), np.arange(60) % 2
    monkeypatch.setattr(dna_baselines, "MOST_ROWS", 59)
    assert gradient_boosting(windows, truth, windows[:2]) is None


def test_the_small_cnn_repeats_itself(in_place: tuple[Codes, np.ndarray]) -> None:
    windows, truth = in_place
    settings = {"repeats": 1, "epochs": 3}
    found = small_cnn(windows[:300], truth[:300], windows[300:], **settings)
    again = small_cnn(windows[:300], truth[:300], windows[300:], **settings)
    assert np.array_equal(found, again)
    assert found.shape == (100, 2)


def test_the_small_cnn_finds_a_word(anywhere: tuple[Codes, np.ndarray]) -> None:
    windows, truth = anywhere
    found = small_cnn(windows[:300], truth[:300], windows[300:], repeats=1, epochs=30)
    assert accuracy(found, truth[300:]) > 0.75


def test_groups_stay_together_while_choosing() -> None:
    windows = np.repeat(random_windows(20), 10, axis=0)  # ten copies of each window
    truth = np.repeat(np.random.default_rng(3).integers(0, 2, 20), 10)
    groups = np.repeat(np.arange(20), 10)
    blind = tuned_linear(windows, truth, random_windows(50, 9), placed_letters)
    wary = tuned_linear(windows, truth, random_windows(50, 9), placed_letters, groups=groups)
    assert wary.max(axis=1).mean() < blind.max(axis=1).mean()  # knows that it learned nothing


def test_the_pool_is_between_its_parts() -> None:
    pooled = log_pool([np.array([[0.9, 0.1]]), np.array([[0.4, 0.6]])])
    assert 0.4 < pooled[0, 0] < 0.9
    assert pooled.sum() == pytest.approx(1)
