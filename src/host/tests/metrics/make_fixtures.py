#!/usr/bin/env python3
"""Figures of scikit-learn, SciPy and MedPy for the tests of `evaluate::metrics`.

    python3 -m venv /tmp/metrics && /tmp/metrics/bin/pip install scikit-learn scipy medpy
    /tmp/metrics/bin/python src/host/tests/metrics/make_fixtures.py

writes classes.json and masks.json beside itself. Everything is drawn from fixed seeds; nothing comes from a data set.
"""

import json
from pathlib import Path

import numpy as np
import scipy
import sklearn
from medpy import __version__ as medpy_version
from medpy.metric import binary
from scipy import ndimage
from sklearn import metrics

HERE = Path(__file__).parent
DIGITS = 15


def plain(value):
    """Numpy values as JSON; 15 digits keep the files small and the tests at 1e-12."""
    if isinstance(value, dict):
        return {key: plain(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple, np.ndarray)):
        return [plain(inner) for inner in value]
    if isinstance(value, (float, np.floating)):
        return None if not np.isfinite(value) else float(f"{value:.{DIGITS}g}")
    if isinstance(value, np.integer):
        return int(value)
    return value


def calibration_error(truth, probabilities, bins):
    """Expected calibration error by its definition (Guo et al. 2017), bins (b/B, (b+1)/B]."""
    answer = probabilities.argmax(axis=1)
    confidence = probabilities[np.arange(len(truth)), answer]
    edges = np.linspace(0.0, 1.0, bins + 1)
    error = 0.0
    for low, high in zip(edges[:-1], edges[1:]):
        inside = (confidence > low) & (confidence <= high)
        if inside.any():
            error += inside.mean() * abs((answer[inside] == truth[inside]).mean() - confidence[inside].mean())
    return error


def classes(name, seed, pictures, count, skill, decimals, absent=()):
    """One set of answers; few decimals make ties, `absent` classes are never true."""
    random = np.random.default_rng(seed)
    present = [c for c in range(count) if c not in absent]
    truth = random.choice(present, size=pictures)
    logits = random.normal(size=(pictures, count))
    logits[np.arange(pictures), truth] += skill
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    if decimals is not None:
        # Counts of a coarse grid, whose sums stay 1 within rounding of f64.
        probabilities = np.floor(probabilities * 10**decimals) + 1
        probabilities /= probabilities.sum(axis=1, keepdims=True)
    probabilities = np.array([[float(f"{p:.{DIGITS}g}") for p in row] for row in probabilities])
    answer = probabilities.argmax(axis=1)
    labels = list(range(count))

    def averages(average):
        found = metrics.precision_recall_fscore_support(truth, answer, average=average, zero_division=0)
        return dict(zip(["precision", "recall", "f1"], found[:3]))

    by_class = metrics.precision_recall_fscore_support(truth, answer, labels=labels, zero_division=0)
    areas = [metrics.roc_auc_score(truth == c, probabilities[:, c]) if c in present else None for c in labels]
    shares = [(truth == c).mean() for c in present]
    known = [areas[c] for c in present]
    if not absent and count > 2:
        # scikit-learn's own averages, where it gives any.
        for average, own in [("macro", np.mean(known)), ("weighted", np.average(known, weights=shares))]:
            assert abs(metrics.roc_auc_score(truth, probabilities, multi_class="ovr", average=average) - own) < 1e-12
    rates = metrics.roc_curve(truth == present[0], probabilities[:, present[0]], drop_intermediate=False)
    one_hot = np.eye(count)[truth]
    return {
        "name": name,
        "truth": truth,
        "probabilities": probabilities,
        "confusion": metrics.confusion_matrix(truth, answer, labels=labels),
        "accuracy": metrics.accuracy_score(truth, answer),
        "classes": dict(zip(["precision", "recall", "f1", "support"], by_class)),
        "macro": averages("macro"),
        "weighted": averages("weighted"),
        "areas": areas,
        "area_macro": np.mean(known),
        "area_weighted": np.average(known, weights=shares),
        "curve": {"class": present[0], "false_positive_rate": rates[0], "true_positive_rate": rates[1]},
        "calibration_error": calibration_error(truth, probabilities, 15),
        "brier": ((probabilities - one_hot) ** 2).sum(axis=1).mean(),
        "log_loss": metrics.log_loss(truth, probabilities, labels=labels),
    }


def blob(random, height, width, threshold):
    """A smooth random region."""
    field = ndimage.gaussian_filter(random.normal(size=(height, width)), 4)
    return field > threshold * field.std()


def masks(name, seed, height, width, thresholds, spacing):
    random = np.random.default_rng(seed)
    truth = blob(random, height, width, thresholds[0])
    answer = np.roll(truth, (2, -3), axis=(0, 1)) ^ (blob(random, height, width, thresholds[1]))
    rows = lambda mask: ["".join("#" if cell else "." for cell in row) for row in mask]
    # Spacing is (x, y) in the fixture, (row, column) for SciPy and MedPy.
    turned = spacing[::-1]
    return {
        "name": name,
        "spacing": spacing,
        "truth": rows(truth),
        "answer": rows(answer),
        "dice": binary.dc(answer, truth),
        "iou": binary.jc(answer, truth),
        "hd95_px": binary.hd95(answer, truth),
        "hd95_mm": binary.hd95(answer, truth, voxelspacing=turned),
        # Distances of a few pixels to the nearest pixel of the truth.
        "distances": ndimage.distance_transform_edt(~truth, sampling=turned)[:: height // 3, :: width // 4].ravel(),
    }


def main():
    versions = {
        "numpy": np.__version__,
        "scikit-learn": sklearn.__version__,
        "scipy": scipy.__version__,
        "medpy": medpy_version,
    }
    cases = [
        classes("four planes", 1, 60, 4, 1.5, None),
        classes("ties", 2, 80, 3, 1.0, 1),
        classes("one class absent", 3, 40, 4, 0.5, 2, absent=(2,)),
        classes("two classes", 4, 30, 2, 0.2, None),
    ]
    write("classes.json", {"versions": versions, "cases": cases})
    cases = [
        masks("square pixels", 1, 40, 48, (1.0, 1.6), [1.0, 1.0]),
        masks("wide pixels", 2, 32, 56, (0.8, 1.2), [0.3, 0.8]),
        masks("touches the border", 3, 30, 30, (-0.2, 1.0), [0.25, 0.25]),
    ]
    write("masks.json", {"versions": versions, "cases": cases})


def write(name, value):
    (HERE / name).write_text(json.dumps(plain(value), separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
