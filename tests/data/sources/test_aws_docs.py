"""The default data set comes from what is installed, and needs no network."""

import socket

import pytest
from botocore.loaders import Loader

from slipway.config.data import AwsDocs
from slipway.data.sources.aws_docs import first_sentences, read
from slipway.errors import UserError

CONFIG = AwsDocs(kind="aws_docs", services=("sqs", "kms"), sentences=2, min_words=6, max_words=80)


def test_rows_are_short_texts_of_the_services_with_their_place(monkeypatch):
    monkeypatch.setattr(socket, "socket", None)  # no network is touched
    raw = read(CONFIG)
    assert {row.label for row in raw.rows} == {"sqs", "kms"}
    assert len(raw.rows) > 500
    assert all(6 <= len(row.text.split()) <= 80 for row in raw.rows)
    send = next(row for row in raw.rows if row.origin == "sqs:SendMessage")
    assert send.text.startswith("Delivers a message to the specified queue.")
    assert raw.facts["from"].startswith("botocore ")


def test_a_service_says_each_text_once():
    rows = read(CONFIG).rows
    assert len({(row.text, row.label) for row in rows}) == len(rows)


def test_a_persons_own_models_do_not_change_the_data(tmp_path, monkeypatch):
    before = read(CONFIG).rows
    folder = tmp_path / ".aws" / "models" / "sqs" / "2099-01-01"
    folder.mkdir(parents=True)
    (folder / "service-2.json").write_text('{"operations": {}, "shapes": {}, "metadata": {}}')
    monkeypatch.setattr(Loader, "CUSTOMER_DATA_PATH", str(tmp_path / ".aws" / "models"))  # found at import
    assert Loader().load_service_model("sqs", "service-2")["shapes"] == {}
    assert read(CONFIG).rows == before


def test_an_unknown_service_is_named():
    with pytest.raises(UserError, match=r"data\.source\.services: botocore .* has no service 'sqss'.*sqs"):
        read(CONFIG.model_copy(update={"services": ("sqs", "sqss")}))


@pytest.mark.parametrize(
    ("documentation", "text"),
    [
        ("<p>One &amp; two.</p> <p>Three. Four.</p>", "One & two. Three."),
        ("<p>See e.g. this page. It helps.  Now.</p>", "See e.g. this page. It helps."),
        ("<p>The <code>Name</code>.</p><p>More</p>", "The Name. More"),
        ("", ""),
    ],
)
def test_markup_goes_and_the_first_sentences_stay(documentation, text):
    assert first_sentences(documentation, 2) == text
