"""A profile says what the data is like, and where it has moved to."""

import json

import pytest

from slipway.config.data import Drift
from slipway.data import profile
from slipway.data.rows import Row, frame
from slipway.errors import UserError

ALLOWED = Drift(shares=0.1, unknown=0.05)


def table(*rows: tuple[str, str]):
    return frame(Row(text, label, None, f"x:{n}") for n, (text, label) in enumerate(rows))


BASE = table(*[("The queue of the service is ready", "a"), ("This is the good service", "b")] * 50)


def drift(rows) -> list[str]:
    baseline, _ = profile.measure(BASE)
    return [one.what for one in profile.compare(*profile.measure(rows), baseline, ALLOWED)]


def test_figures_are_of_the_rows():
    measured, counts = profile.measure(table(("One two", "a"), ("a bb ccc dddd", "a"), ("Ünseen", "b"), ("!", "b")))
    assert measured.rows == 4
    assert measured.distinct_words == len(counts) == 7
    assert measured.classes == {"a": 0.5, "b": 0.5}
    assert measured.words_per_text == {"mean": 1.75, "p5": 0.15, "p50": 1.5, "p95": 3.7, "longest": 4.0}
    assert measured.length["1-5"] == 1.0
    assert measured.word_length["1-3"] == pytest.approx(5 / 7, abs=1e-6)
    assert measured.word_length["4-6"] == pytest.approx(2 / 7, abs=1e-6)
    assert measured.unknown == 0


@pytest.mark.parametrize(
    ("words", "bucket"), [(5, "1-5"), (6, "6-10"), (320, "161-320"), (321, "321+"), (9000, "321+")]
)
def test_a_text_is_in_the_bucket_of_its_length(words, bucket):
    measured, _ = profile.measure(table(("word " * words, "a")))
    assert [name for name, share in measured.length.items() if share] == [bucket]


def test_the_vocabulary_is_the_commonest_words_and_the_rest_is_unknown():
    rows = [(f"common w{n}", "a") for n in range(profile.KEPT_WORDS * 2)]
    measured, _ = profile.measure(table(*rows))
    assert measured.vocabulary[0] == "common"
    assert len(measured.vocabulary) == profile.KEPT_WORDS
    assert measured.unknown == pytest.approx(0.25, abs=0.001)


def test_the_order_of_the_rows_makes_no_difference():
    assert profile.measure(BASE)[0] == profile.measure(BASE.iloc[::-1])[0]


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("The queue is ready for you", "English"),
        ("Die Karte ist nicht mit der Post gekommen", "German"),
        ("Je ne sais pas pour qui sont les cartes", "French"),
        ("La tarjeta no está pero el banco es muy bueno", "Spanish"),
        ("Il conto della banca non è aperto", "Italian"),
        ("O cartão não foi enviado para você", "Portuguese"),
        ("Het is niet van mij maar ook niet van jou", "Dutch"),
        ("Где моя карта", "Cyrillic script"),
        ("Που είναι η κάρτα μου", "Greek script"),
        ("أين بطاقتي", "Arabic script"),
        ("カードはどこですか", "Japanese"),
        ("私の銀行カードは", "Japanese"),
        ("我的卡在哪里", "Chinese characters"),
        ("카드가 어디에 있나요", "Korean"),
        ("The word для stands in an English text", "English"),
        ("How do I do that", "English"),
        ("Do you do macOS? e.g. x, y, o", "English"),
        ("xyzzy 42", "unclear"),
        ("", "unclear"),
    ],
)
def test_the_language_is_guessed(text, language):
    assert profile.language(text, profile.WORD.findall(text.lower())) == language


@pytest.mark.parametrize(
    ("text", "mood"),
    [
        ("a great and wonderful film", "positive"),
        ("an awful waste", "negative"),
        ("not good", "negative"),
        ("not a bad film", "positive"),
        ("isn't it a great film", "positive"),
        ("great but awful", "neutral"),
        ("the queue", "neutral"),
    ],
)
def test_the_mood_is_guessed(text, mood):
    assert profile.sentiment(profile.WORD.findall(text)) == mood


def test_the_mood_is_judged_in_english_alone():
    measured, _ = profile.measure(table(("Die Karte ist nicht da", "a"), ("xyzzy die", "a"), ("They die of it", "a")))
    assert measured.sentiment == {"negative": pytest.approx(1 / 3, abs=1e-6), "unclear": pytest.approx(2 / 3, abs=1e-6)}


def test_the_same_data_has_not_drifted():
    assert drift(BASE) == []


def test_new_class_shares_are_drift():
    rows = BASE.assign(label=["a"] * 70 + ["b"] * 20 + ["c"] * 10)
    assert drift(rows) == ["classes"]


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("The queue of the service is ready " * 10, "length"),
        ("Die Karte ist nicht mit der Post", "language"),
        ("This is an awful horrible service", "sentiment"),
        ("The incomprehensibilities of the internationalization", "word length"),
        ("The zebra of the savanna is ready", "unknown words"),
    ],
)
def test_other_texts_are_drift(text, what):
    assert what in drift(BASE.assign(text=[*BASE["text"][:50], *[text] * 50]))


def test_drift_is_told_in_words():
    baseline, _ = profile.measure(BASE)
    (one,) = profile.compare(*profile.measure(BASE.assign(label=["a"] * 80 + ["b"] * 20)), baseline, ALLOWED)
    words = "classes: 30.0% differ from the baseline, 10.0% are allowed; a 50.0% to 80.0%, b 50.0% to 20.0%"
    assert str(one) == words


def test_a_word_of_any_length_is_told_in_few_signs():
    baseline, _ = profile.measure(BASE)
    drifted = profile.compare(*profile.measure(BASE.assign(text="x" * 90_000)), baseline, ALLOWED)
    assert "unknown words" in [one.what for one in drifted]
    assert max(len(str(one)) for one in drifted) < 300


def test_a_profile_survives_its_file(tmp_path):
    measured, _ = profile.measure(BASE)
    (tmp_path / "p.json").write_text(json.dumps(profile.to_json(measured)))
    assert profile.load(tmp_path / "p.json") == measured


def test_no_file_is_no_profile(tmp_path):
    assert profile.load(tmp_path / "p.json") is None


@pytest.mark.parametrize("content", ["{", "[]", "{}", '{"vocabulary": [], "rows": 1}', '{"rows": 1}'])
def test_a_broken_profile_is_an_error_in_words(tmp_path, content):
    (tmp_path / "p.json").write_text(content)
    with pytest.raises(UserError, match=r"p\.json: not a data profile"):
        profile.load(tmp_path / "p.json")


@pytest.mark.parametrize(
    ("key", "value", "place"),
    [
        ("classes", 5, "classes: "),
        ("classes", {"a": "x"}, "classes: a: "),
        ("vocabulary", [1], "vocabulary: 0: "),
        ("unknown", "0.5", "unknown: "),
    ],
)
def test_a_value_of_another_type_is_named(tmp_path, key, value, place):
    (tmp_path / "p.json").write_text(json.dumps(profile.to_json(profile.measure(BASE)[0]) | {key: value}))
    said = rf"p\.json: not a data profile \({place}.*slipway accept-profile"
    with pytest.raises(UserError, match=said):
        profile.load(tmp_path / "p.json")
