"""Reads the published tables of tests/reference/data as ratings with labels."""

import csv
import gzip
import json
from pathlib import Path

import numpy as np

from dongliang.engine.data import Ratings

DATA = Path(__file__).parent / "data"

# name -> table, columns that make the target, the rater, and the indicators; see data/README.md.
LONG = {
    "ham": ("ham.csv", ["Product", "Information"], "Consumer", ["Informed.liking"]),
    "immer01a_E": ("immer01a_writing.csv.gz", ["idstud"], "rater", ["k1", "k2", "k3", "k4", "k5"]),
    "immer04a_s1": ("immer04a_writing8.csv.gz", ["idstud"], "rater", ["TA", "CC", "GR", "VOC"]),
    "immer09_papers": ("immer09_papers.csv", ["idpaper"], "idreviewer", ["score"]),
    "insteval": ("insteval.csv.gz", ["d"], "s", ["y"]),
    "lq2002": ("lq2002_leadership.csv.gz", ["COMPID"], "SUB", [f"LEAD{item:02}" for item in range(1, 12)]),
    "ptam1": ("ptam1_conquest.csv.gz", ["pid"], "rater", ["OP", "TF"]),
    "ptam2": (
        "ptam2_262x17x19.csv",
        ["idstud"],
        "idrater",
        [a + b for a, b in zip("AAAAAABCCCCDDDDDDDD", "1234571123412345679", strict=True)],
    ),
    "ptam4": ("ptam4.csv", ["idstud"], "rater", ["crit2", "crit3", "crit4"]),
    "sirt_ratings1": ("sirt_ratings1.csv", ["idstud"], "rater", ["k1", "k2", "k3", "k4", "k5"]),
    "sirt_ratings2": ("sirt_ratings2.csv", ["idstud"], "rater", ["k1", "k2", "k3", "k4", "k5"]),
    "skating2002": ("skating2002_st.csv", ["place"], "judge", ["y"]),
}
WIDE = {
    "immer10": ("immer10_standardsetting.csv", "item", "R"),
    "immer11_mammograms": ("immer11_mammograms.csv", "case", "R"),
}
SUBSETS = {"immer01a_E": ("type", "E"), "immer04a_s1": ("task", "s1")}
NAMES = sorted([*LONG, *WIDE, "synth_field"])


def rows(table):
    path = DATA / table
    with (
        gzip.open(path, "rt", encoding="utf-8")
        if path.suffix == ".gz"
        else path.open(encoding="utf-8") as lines
    ):
        return list(csv.DictReader(lines))


def long_rows(name):
    """(target, rater, indicator, mark) of every mark given."""
    if name == "synth_field":
        return [(row["target"], row["rater"], row["item"], row["y"]) for row in rows("synth_field.csv")]
    if name in WIDE:
        table, target, prefix = WIDE[name]
        given = (
            (row[target], rater, "", row[rater])
            for row in rows(table)
            for rater in row
            if rater.startswith(prefix)
        )
        return [row for row in given if row[3]]
    table, targets, rater, items = LONG[name]
    column, value = SUBSETS.get(name, (None, None))
    return [
        (":".join(row[part] for part in targets), row[rater], item, row[item])
        for row in rows(table)
        if column is None or row[column] == value
        for item in items
        if row[item]
    ]


def ratings(name):
    """The ratings, and the labels of its targets, raters and indicators."""
    return coded(long_rows(name))


def coded(rows):
    """Rows of (target, rater, indicator, mark) as ratings, and their labels."""
    columns = list(zip(*rows, strict=True))
    labels, codes = zip(*(np.unique(column, return_inverse=True) for column in columns[:3]), strict=True)
    target, rater, indicator = codes
    data = Ratings(
        target=target,
        rater=rater,
        indicator=indicator,
        values=np.array(columns[3], dtype=float),
        n_targets=len(labels[0]),
        n_raters=len(labels[1]),
        n_indicators=len(labels[2]),
    )
    return data, *labels


def wine(target, rater, indicator):
    """The wine table coded by three functions of a row."""
    return coded([(target(row), rater(row), indicator(row), row["rating"]) for row in rows("wine.csv")])


def answers(name, peer):
    return json.loads((DATA / f"{name}_{peer}.json").read_text(encoding="utf-8"))


def lmer(name):
    return answers(name, "lmer")
