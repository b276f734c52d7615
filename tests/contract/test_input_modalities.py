"""Every modality that can be an input of several keeps the same promises."""

import numpy as np
import pandas as pd
import pytest
import torch
from anndata import AnnData
from scipy import sparse

from polyome import InputError
from polyome.modalities import MODALITIES
from polyome.modalities.inputs import Inputs
from polyome.model.configuration import PolyomeConfig
from polyome.model.inference import answer
from polyome.model.modeling import PolyomeModel

mudata = pytest.importorskip("mudata")
N = 24
KINDS = [name for name, own in MODALITIES.items() if own.can_be_input]


def counts(rng, width):
    return rng.poisson(rng.gamma(2.0, 4.0, width), (N, width)).astype(np.float32)


WORDS = [f"word{i}" for i in range(30)]


def texts(rng):
    return [" ".join(rng.choice(WORDS, 8)) for _ in range(N)]


VALUES = {
    "accessibility": lambda rng: sparse.csr_matrix((rng.random((N, 40)) < 0.2) * 1.0),
    "cell": lambda rng: sparse.csr_matrix(counts(rng, 40)),
    "features": lambda rng: rng.normal(size=(N, 40)).astype(np.float32),
    "methylation": lambda rng: rng.beta(2, 3, (N, 40)).astype(np.float32),
    "protein": lambda rng: counts(rng, 40),
}
NAMES = {
    "accessibility": lambda i, seed: f"chr{seed + 1}:{1000 * i}-{1000 * i + 300}",
    "cell": lambda i, seed: f"GENE{i}.{seed}",
    "methylation": lambda i, seed: f"cg{seed}{i:07d}",
}


def measured(kind, seed):
    """Some measurement of a kind, of cells of the usual names."""
    rng = np.random.default_rng(seed)
    obs = pd.DataFrame(index=[f"c{i}" for i in range(N)])
    if kind == "image":
        pictures = rng.integers(0, 255, (N, 12, 12, 3)).astype(np.uint8)
        return AnnData(obs=obs, obsm={"picture": pictures})
    if kind == "text":
        return AnnData(obs=obs.assign(note=texts(rng)))
    values = VALUES[kind](rng)
    named = NAMES.get(kind, lambda i, seed: f"feature{i}-{seed}")
    var = pd.DataFrame(index=[named(i, seed) for i in range(values.shape[1])])
    return AnnData(values, obs=obs, var=var)


def saying_nothing(kind):
    """The same cells, of which all have the same: zeros, or one word."""
    found = measured(kind, 0)
    if kind == "image":
        found.obsm["picture"] = np.zeros_like(found.obsm["picture"])
    elif kind == "text":
        found.obs["note"] = "tissue"
    else:
        found.X = np.zeros(found.shape, np.float32)
    return found


def both(first, second):
    with mudata.set_options(pull_on_update=False):
        return mudata.MuData({"first": first, "second": second})


def model_of(modality):
    """A network and linear models with random weights, all of them in the answer."""
    torch.manual_seed(0)
    names = list(modality.members)
    heads = {"type": {"output": "classes", "num_labels": 3, "inputs": names, "linear": names}}
    config = PolyomeConfig(
        hidden_size=16, intermediate_size=32, modalities=modality.entries(), heads=heads
    )
    model = PolyomeModel(config).eval()
    beside = model.linear["type"]
    for part in beside.parts.values():
        torch.nn.init.normal_(part.linear.weight)
    beside.weights[:] = torch.rand_like(beside.weights)
    return model


@pytest.fixture(scope="module", params=KINDS)
def made(request):
    """A kind of input, fitted beside protein counts; the data, modality and model."""
    data = both(measured(request.param, 0), measured("protein", 1))
    modality = Inputs({"first": MODALITIES[request.param](), "second": MODALITIES["protein"]()})
    records = modality.read(data)
    modality.fit(records)
    model = model_of(modality)
    for network in model.members:
        modality.start_network(network.embeddings, modality.prepare(records))
    for name, own in modality.members.items():
        own.start_from(model.linear["type"].parts[name].features, records.part(name))
    return request.param, data, modality, model


def outputs(modality, model, data, **how):
    found = answer(model, modality, modality.read(data), "type", **how)
    return found.outputs, found.representation, found.ood_features


def test_batch_size_and_order_change_nothing(made):
    _, data, modality, model = made
    whole = outputs(modality, model, data)
    order = np.random.default_rng(0).permutation(N)
    turned = outputs(modality, model, data[order].copy(), batch_size=5)
    for one, other in zip(whole, turned, strict=True):
        np.testing.assert_allclose(other, one[order], atol=1e-5)


def test_a_record_alone_is_answered_as_among_others(made):
    _, data, modality, model = made
    whole = outputs(modality, model, data)
    alone = outputs(modality, model, data[3].copy())
    for one, other in zip(whole, alone, strict=True):
        np.testing.assert_allclose(other[0], one[3], atol=1e-5)


def test_a_record_that_lacks_an_input_is_that_of_the_other_alone(made):
    kind, data, modality, model = made
    part = data.mod["first"][:9].copy()
    some = outputs(modality, model, both(part, data.mod["second"]))
    for name, rows in (("second", np.arange(9, N)), ("first", None)):
        alone = outputs(modality, model, mudata.MuData({name: data.mod[name]}))
        if rows is not None:
            for one, other in zip(some[:2], alone[:2], strict=True):
                np.testing.assert_allclose(one[rows], other[rows], atol=1e-5)
    assert np.abs(some[0][:9] - alone[0][:9]).max() > 1e-3, kind


def test_a_saved_modality_reads_and_answers_the_same(made, tmp_path):
    _, data, modality, model = made
    modality.save(tmp_path)
    again = Inputs.load(tmp_path)
    assert again.entries() == modality.entries()
    pairs = zip(outputs(modality, model, data), outputs(again, model, data), strict=True)
    for one, other in pairs:
        np.testing.assert_array_equal(one, other)


def test_baselines_read_as_many_features_as_they_say(made):
    _, data, modality, _ = made
    own = modality.members["first"]
    found = own.baseline_features(modality.read(data).part("first"))
    assert found.shape == (N, own.baseline_width())
    assert found.dtype == np.float32


@pytest.mark.parametrize("kind", KINDS)
def test_two_names_of_one_kind_have_their_own_statistics(kind):
    first, second = measured(kind, 0), measured(kind, 5)
    modality = Inputs({name: MODALITIES[kind]() for name in ("first", "second")})
    modality.fit(modality.read(both(first, second)))
    for name, data in (("first", first), ("second", second)):
        alone = MODALITIES[kind]()
        alone.fit(alone.read(data))
        settings, arrays = alone.state()
        found = modality.members[name].state()
        assert found[0] == settings
        for key, values in arrays.items():
            np.testing.assert_array_equal(found[1][key], values)
    pairs = [own.state()[1] for own in modality.members.values()]
    assert any(
        pairs[0][key].shape != pairs[1][key].shape or (pairs[0][key] != pairs[1][key]).any()
        for key in pairs[0]
    )


@pytest.mark.parametrize("kind", KINDS)
def test_an_input_that_says_nothing_is_refused(kind):
    modality = Inputs({"first": MODALITIES[kind](), "second": MODALITIES["protein"]()})
    with pytest.raises(InputError, match=r"'first'"):
        modality.fit(modality.read(both(saying_nothing(kind), measured("protein", 1))))
