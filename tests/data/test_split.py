"""A row's split depends on what it says: not on the order, not on what else there is."""

import numpy as np
import pandas as pd
import pytest

from slipway.config.data import Split
from slipway.data.fingerprint import fingerprint
from slipway.data.split import assign, require_rows
from slipway.errors import UserError

CONFIG = Split(validation=0.1, test=0.2, near_duplicates=None)


def table(rows) -> pd.DataFrame:
    frame = pd.DataFrame([(*row, None)[:3] for row in rows], columns=["text", "label", "split"]).astype("str")
    return frame.assign(fingerprint=frame["text"].map(fingerprint), origin=[f"x:{n}" for n in range(len(frame))])


@pytest.fixture(scope="module")
def corpus() -> pd.DataFrame:
    draw = np.random.default_rng(0)
    words = [f"w{n}" for n in range(2000)]
    return table((" ".join(draw.choice(words, 15)), draw.choice(list("abc"))) for _ in range(5000))


def test_shares_are_as_configured(corpus):
    shares = assign(corpus, CONFIG).value_counts(normalize=True)
    assert shares["test"] == pytest.approx(0.2, abs=0.02)
    assert shares["validation"] == pytest.approx(0.1, abs=0.02)


def test_shares_hold_where_there_are_many_near_duplicates():
    draw = np.random.default_rng(0)
    rows = []
    for _ in range(1500):
        text = [f"w{draw.integers(3000)}" for _ in range(30)]
        rows += [(" ".join([*text, f"n{n}"]), draw.choice(list("ab"))) for n in range(draw.integers(1, 6))]
    shares = assign(table(rows), CONFIG.model_copy(update={"near_duplicates": 0.8})).value_counts(normalize=True)
    assert shares["test"] == pytest.approx(0.2, abs=0.04)


def test_rows_stay_where_they_are_while_the_data_grows(corpus):
    whole = assign(corpus, CONFIG)
    part = corpus.iloc[::3].reset_index(drop=True)
    assert assign(part, CONFIG).tolist() == whole.iloc[::3].tolist()


def test_nearly_all_rows_stay_where_near_duplicates_are_grouped(corpus):
    config = CONFIG.model_copy(update={"near_duplicates": 0.8})
    whole = assign(corpus, config)
    part = corpus.iloc[: len(corpus) * 4 // 5]
    assert np.mean(assign(part, config).to_numpy() == whole.iloc[: len(part)].to_numpy()) > 0.98


@pytest.mark.parametrize("near", [None, 0.8])
def test_the_order_of_the_rows_makes_no_difference(near):
    config = CONFIG.model_copy(update={"near_duplicates": near})
    # each text is like the next ones, and less and less like those after
    rows = table((" ".join(f"w{n // 200}-{m}" for m in range(n, n + 30)), "ab"[n % 2]) for n in range(0, 4000, 2))
    whole = assign(rows, config)
    for seed in range(3):
        assert assign(rows.sample(frac=1, random_state=seed), config).sort_index().tolist() == whole.tolist()


def test_near_duplicates_share_a_split():
    draw = np.random.default_rng(0)
    rows = []
    for _ in range(300):
        text = [f"w{draw.integers(3000)}" for _ in range(30)]
        rows += [(" ".join([*text, f"n{n}"]), draw.choice(list("ab"))) for n in range(4)]
    split = assign(table(rows), CONFIG.model_copy(update={"near_duplicates": 0.8})).to_numpy().reshape(300, 4)
    assert np.mean((split == split[:, :1]).all(axis=1)) > 0.98


def test_case_and_blanks_make_no_difference():
    rows = [(f"Some words {n}", "ab"[n % 2]) for n in range(200)]
    changed = [(f"  some WORDS\t{n}", label) for (_, label), n in zip(rows, range(200), strict=True)]
    assert assign(table(rows), CONFIG).tolist() == assign(table(changed), CONFIG).tolist()


def test_a_small_class_stands_in_every_split(corpus):
    rows = [(text, label) for text, label in zip(corpus["text"][:300], corpus["label"][:300], strict=True)]
    for n in range(20):
        split = assign(table([*rows, *[(f"rare {n} {m}", "rare") for m in range(3)]]), CONFIG)
        assert set(split[-3:]) == {"train", "validation", "test"}


def test_a_small_class_moves_no_other_row(corpus):
    before = assign(corpus[:300], CONFIG)
    rows = [*zip(corpus["text"][:300], corpus["label"][:300], strict=True), *[(f"rare {m}", "rare") for m in range(3)]]
    assert assign(table(rows), CONFIG)[:300].tolist() == before.tolist()


def test_a_small_class_gets_into_every_split_by_moving_its_smallest_groups():
    common = [(f"text {n}", "a") for n in range(50)]
    for n in range(20):
        # the one that comes first in the order of fingerprints stands there fifty times
        often, *once = sorted((f"rare {n} {m}" for m in range(6)), key=fingerprint)
        rows = table([*common, *[(often, "b")] * 50, *[(text, "b") for text in once]])
        share = int(fingerprint(often)[-13:], 16) / 16**13
        place = "test" if share < 0.2 else "validation" if share < 0.3 else "train"
        split = assign(rows, CONFIG)
        assert set(split[50:]) == {"train", "validation", "test"}
        assert set(split[50:100]) == {place}


def test_a_class_with_fewer_rows_than_splits_is_an_error():
    rows = [(f"text {n}", "a") for n in range(20)] + [("rare one", "b"), ("rare two", "b")]
    with pytest.raises(UserError, match=r"each of the 3 splits, but 'b' has 2\. Collect more, merge"):
        assign(table(rows), CONFIG)
    with pytest.raises(UserError, match="'b' has 2"):
        require_rows(table(rows))


def test_a_class_of_near_duplicates_alone_is_an_error():
    same = "this one sentence comes again and again with another last word"
    rows = [(f"text {n} {n * 7} {n * 13}", "a") for n in range(50)] + [(f"{same} {n}", "b") for n in range(5)]
    with pytest.raises(UserError, match=r"class 'b': its 5 rows make 1 group.*data\.split\.near_duplicates=null"):
        assign(table(rows), CONFIG.model_copy(update={"near_duplicates": 0.7}))


def test_an_official_split_is_kept(corpus):
    split = ["train"] * 3000 + ["validation"] * 1000 + ["test"] * 1000
    assert assign(corpus.assign(split=split), CONFIG).tolist() == split


@pytest.mark.parametrize(("official", "carved"), [("test", "validation"), ("validation", "test")])
def test_what_an_official_split_lacks_is_carved_out_of_train(corpus, official, carved):
    given = corpus.assign(split=["train"] * 4000 + [official] * 1000)
    split = assign(given, CONFIG)
    assert set(split[4000:]) == {official}
    assert set(split[:4000]) == {"train", carved}
    assert (split == carved).sum() == pytest.approx(4000 * getattr(CONFIG, carved), rel=0.15)


def test_rows_without_a_split_beside_official_ones_are_trained_on(corpus):
    given = corpus.assign(split=pd.Series([None] * 4000 + ["test"] * 1000, dtype="str"))
    assert set(assign(given, CONFIG)[:4000]) == {"train", "validation"}


def test_a_class_that_is_only_tested_is_an_error():
    rows = [(f"text {n}", "a", "train") for n in range(20)] + [(f"new {n}", "b", "test") for n in range(5)]
    with pytest.raises(UserError, match=r"x:20: column label: 'b' stands in test but in no training row"):
        assign(table(rows), CONFIG)


def test_shares_that_leave_nothing_to_train_on_are_refused():
    with pytest.raises(ValueError, match="leave nothing to train on"):
        Split(validation=0.5, test=0.5, near_duplicates=None)
