"""The split: by what a text says, so that it stays where it is while the data grows."""

import numpy as np
import numpy.typing as npt
import pandas as pd

from slipway.config.data import Split
from slipway.data.neighbours import groups
from slipway.data.quote import listed, quoted
from slipway.data.rows import SPLITS
from slipway.errors import UserError


def assign(table: pd.DataFrame, config: Split) -> "pd.Series[str]":
    """The split (train, validation or test) of each row of a cleaned table (columns text, label, split, fingerprint).

    An official split is kept; what it lacks is carved out of its training rows. Near-duplicates stay together. The
    place of a group is the end of the smallest SHA-256 among its texts, read as a share in [0, 1): test first, then
    validation, then train. Each class is put into each split by moving the fewest rows.

    Raises UserError for a class with fewer rows (or groups of near-duplicates) than splits.
    """
    require_rows(table)
    official = table["split"].fillna("train") if table["split"].notna().any() else table["split"]
    given = {split for split in ("validation", "test") if (official == split).any()}
    carved = [split for split in ("test", "validation") if split not in given]
    _require_trained(table, official, bool(given))
    result = official.where(official.isin(list(given)), "train").to_numpy(dtype=object)
    if carved:
        pool = np.flatnonzero(result == "train")
        # by fingerprint, so that the order of the source makes no difference
        pool = pool[np.argsort(table["fingerprint"].to_numpy(dtype=object)[pool], kind="stable")]
        result[pool] = _carve(table.iloc[pool], config, carved)
    return pd.Series(result, index=table.index, dtype="str")


def _carve(pool: pd.DataFrame, config: Split, carved: list[str]) -> npt.NDArray[np.object_]:
    if config.near_duplicates is None:
        group = pd.factorize(pool["fingerprint"])[0].astype(np.int64)
    else:
        group = groups(pool["text"].tolist(), config.near_duplicates)
    place = _places(pool, group)
    chosen = np.full(len(place), "train", dtype=object)
    floor = 0.0
    for split in carved:
        ceiling = floor + getattr(config, split)
        chosen[(place >= floor) & (place < ceiling)] = split
        floor = ceiling
    _fill(pool["label"], group, place, chosen, carved)
    return np.asarray(chosen[group], dtype=object)


def _places(pool: pd.DataFrame, group: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """Where in [0, 1) each group stands."""
    smallest = pool["fingerprint"].groupby(group).min().sort_index()
    # the end of the digest, since a smallest one begins small and would put large groups into test
    return np.array([int(digest[-13:], 16) for digest in smallest]) / 16.0**13


def _fill(
    labels: "pd.Series[str]",
    group: npt.NDArray[np.int64],
    place: npt.NDArray[np.float64],
    chosen: npt.NDArray[np.object_],
    carved: list[str],
) -> None:
    """Move groups so that each class stands in each carved split and in train; `chosen` is changed in place."""
    size = np.bincount(group)
    of_row, names = pd.factorize(labels, sort=True)
    class_of, group_of = np.unique(np.stack([of_row, group]), axis=1)
    members = np.split(group_of, np.flatnonzero(np.diff(class_of)) + 1)

    def can_go(one: int) -> bool:
        """Whether each class of a group has another group in the same split."""
        return all((chosen[members[each]] == chosen[one]).sum() > 1 for each in class_of[group_of == one])

    wanted = ["train", *carved]
    for number, own in enumerate(members):
        if len(own) < len(wanted):
            raise UserError(
                f"data: class {quoted(names[number])}: its {(of_row == number).sum()} rows make {len(own)} group(s) of "
                f"near-duplicates, fewer than the {len(wanted)} splits that each need one. Collect more, merge the "
                "class with another (data.source.labels), or set data.split.near_duplicates=null."
            )
        for split in wanted:
            if (chosen[own] == split).any():
                continue
            spare = [one for one in own if can_go(one)]
            if not spare:
                raise UserError(
                    f"data: class {quoted(names[number])} cannot stand in {split} without leaving another split "
                    "without a class. Collect more of it, merge it with another (data.source.labels), or set "
                    "data.split.near_duplicates=null."
                )
            # the smallest group, and of those the one that stands nearest to the front
            chosen[min(spare, key=lambda one: (size[one], place[one]))] = split


def require_rows(table: pd.DataFrame) -> None:
    """Raise UserError where a class of a cleaned table has fewer rows than there are splits."""
    counts = table["label"].value_counts().sort_index()
    small = counts[counts < len(SPLITS)]
    if len(small):
        have = listed([f"{quoted(str(label))} has {count}" for label, count in small.items()])
        raise UserError(
            f"data: a class needs a row for each of the {len(SPLITS)} splits, but {have}. Collect more, merge the "
            "class with another (data.source.labels), or leave it out."
        )


def _require_trained(table: pd.DataFrame, official: "pd.Series[str]", has_official: bool) -> None:
    if not has_official:
        return
    train = set(table.loc[official == "train", "label"])
    unseen = sorted(set(table["label"]) - train)
    if unseen:
        row = table[table["label"] == unseen[0]].iloc[0]
        raise UserError(
            f"{row['origin']}: column label: {quoted(unseen[0])} stands in {row['split']} but in no training row, so "
            "no model could ever answer it. Add training rows of it, or leave it out."
        )
