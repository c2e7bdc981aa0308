"""The relation of source classes to new ones, against loops over made-up predictions."""

import numpy as np
import pytest
from numpy.typing import NDArray

from tlbench.training.solvers.arrays import log_softmax
from tlbench.training.solvers.base import Examples
from tlbench.training.solvers.relation import relate, surprise, table

CLASSES, SOURCES = 3, 7


def predictions(images: int, seed: int) -> Examples:
    """Logits of seven source classes; images of class c are most often taken for the sources c and c + 3."""
    draw = np.random.default_rng(seed)
    labels = np.concatenate([np.arange(CLASSES), draw.integers(0, CLASSES, images - CLASSES)])
    logits = draw.normal(0, 2, (images, SOURCES))
    logits[np.arange(images), labels + 3 * draw.integers(0, 2, images)] += 2
    return Examples(logits.astype(np.float32), labels.astype(np.int32))


def softmax(logits: NDArray[np.floating]) -> NDArray[np.float64]:
    powers = np.exp(logits.astype(np.float64))
    return np.asarray(powers / powers.sum())


TRAIN, VALIDATION = predictions(60, 0), predictions(40, 1)


@pytest.mark.parametrize("factor", [1.0, 0.3])
def test_a_row_is_the_mean_prediction_of_the_images_of_a_class(factor: float) -> None:
    found = table(TRAIN, CLASSES, factor)
    for label in range(CLASSES):
        alike = [softmax(factor * one) for one, own in zip(TRAIN.features, TRAIN.labels, strict=True) if own == label]
        np.testing.assert_allclose(found[label], sum(alike) / len(alike), rtol=1e-6)
    np.testing.assert_allclose(found.sum(axis=1), 1)


def test_what_sources_say_of_classes_is_bayes_rule() -> None:
    relation, total = table(TRAIN, CLASSES, 0.7), 0.0
    share = [float((TRAIN.labels == label).mean()) for label in range(CLASSES)]
    for logits, label in zip(VALIDATION.features, VALIDATION.labels, strict=True):
        predicted, told = softmax(0.7 * logits), 0.0
        for source in range(SOURCES):
            evidence = sum(relation[one, source] * share[one] for one in range(CLASSES))
            told += predicted[source] * relation[label, source] * share[label] / evidence
        total -= np.log(told)
    assert surprise(relation, TRAIN, VALIDATION, 0.7) == pytest.approx(total / len(VALIDATION))


def test_validation_chooses_the_factor() -> None:
    found = relate(TRAIN, VALIDATION, CLASSES)
    np.testing.assert_allclose(found.table, table(TRAIN, CLASSES, found.factor), rtol=1e-5)
    lowest = surprise(table(TRAIN, CLASSES, found.factor), TRAIN, VALIDATION, found.factor)
    for factor in (0.1, 0.3, 1.0, 3.0, 0.95 * found.factor, 1.05 * found.factor):
        assert lowest <= surprise(table(TRAIN, CLASSES, factor), TRAIN, VALIDATION, factor)


def test_the_scale_of_the_logits_does_not_matter() -> None:
    found = relate(TRAIN, VALIDATION, CLASSES)
    train, validation = (Examples(5 * one.features, one.labels) for one in (TRAIN, VALIDATION))
    larger = relate(train, validation, CLASSES)
    assert larger.factor == pytest.approx(found.factor / 5, rel=1e-2)
    np.testing.assert_allclose(larger.table, found.table, atol=1e-3)


def test_much_confidence_gives_no_infinities() -> None:
    sure = Examples(1000 * np.eye(SOURCES, dtype=np.float32)[TRAIN.labels], TRAIN.labels)
    found = relate(sure, sure, CLASSES)
    assert np.isfinite(found.table).all()
    assert np.isfinite(log_softmax(found.factor * sure.features.astype(np.float64))).all()
    np.testing.assert_allclose(found.table.sum(axis=1), 1, rtol=1e-5)


def test_a_class_without_an_image_is_named() -> None:
    with pytest.raises(ValueError, match="class number 3 has no training image"):
        relate(TRAIN, VALIDATION, CLASSES + 1)
