from polyome.predict.evaluate import Evaluation


def evaluation(own, other):
    return Evaluation(
        task="cell-type",
        n=10,
        metrics={"accuracy": own},
        baselines={"majority": {"accuracy": 0.1}, "logistic_regression": {"accuracy": other}},
        shown=("accuracy",),
    )


def test_a_baseline_that_wins_is_named():
    assert "ahead of polyome in accuracy: logistic_regression" in str(evaluation(0.8, 0.9))


def test_a_baseline_that_loses_is_not():
    assert "ahead" not in str(evaluation(0.9, 0.8))
    assert evaluation(0.9, 0.9).ahead == []
    assert evaluation(None, 0.8).ahead == []
