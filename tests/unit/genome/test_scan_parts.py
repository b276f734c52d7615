"""Parts of a scan are used again only where they are whole and of the same scan."""

from dataclasses import replace

import numpy as np

from polyome.genome.scan_parts import Part, Parts, model_digest

CODES = np.array([1, 2, 3, 4], np.uint8)
FOUND = Part(
    starts=np.array([3]),
    strands=np.array([1]),
    probability=np.array([0.25]),
    prominence=np.array([-1.5]),
    track=np.array([0.5, np.nan], np.float32),
)


def never(codes):
    raise AssertionError(codes)


def test_a_part_comes_back_as_it_was(tmp_path):
    parts = Parts(tmp_path / ".parts")
    parts.open({"a": 1}, resume=False)
    parts.get(0, CODES, lambda codes: FOUND)
    again = Parts(tmp_path / ".parts")
    (note,) = again.open({"a": 1}, resume=True)
    assert note == "1 sequence was scanned before the interruption and is not scanned again."
    part = again.get(0, CODES, never)
    for name, value in vars(FOUND).items():
        np.testing.assert_array_equal(getattr(part, name), value)
        assert getattr(part, name).dtype == value.dtype
    np.testing.assert_array_equal(next(again.tracks()), FOUND.track)


def test_a_damaged_part_is_made_again(tmp_path):
    parts = Parts(tmp_path / ".parts")
    parts.open({}, resume=False)
    parts.get(0, CODES, lambda codes: FOUND)
    (path,) = parts.folder.glob("*.npz")
    path.write_bytes(path.read_bytes()[:50])
    assert parts.get(0, CODES, lambda codes: FOUND) is FOUND


def test_parts_of_another_scan_are_removed_and_this_is_said(tmp_path):
    parts = Parts(tmp_path / ".parts")
    parts.open({"a": 1}, resume=False)
    parts.get(0, CODES, lambda codes: FOUND)
    (note,) = parts.open({"a": 2}, resume=True)
    assert note == "the interrupted scan had another model or settings; all is scanned anew."
    assert not list(parts.folder.glob("*.npz"))
    parts.remove()
    assert not parts.folder.exists()


def test_models_that_answer_differently_have_different_digests(motif_model):
    fitted = motif_model.fitted_
    assert model_digest(fitted) == model_digest(replace(fitted))
    assert model_digest(fitted) != model_digest(
        replace(fitted, output=replace(fitted.output, temperature=9.0))
    )
    assert model_digest(fitted) != model_digest(
        replace(fitted, output=replace(fitted.output, classes=("a", "b")))
    )
