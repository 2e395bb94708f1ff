"""All normalisation lives in tokenizer.json: what is configured is what the file does."""

import json
import os
import subprocess
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
from pydantic import TypeAdapter, ValidationError
from tests.data.conftest import tokenizer_config
from tokenizers import Tokenizer, models, pre_tokenizers, processors

from slipway.config.tokenizer import Pretrained, TokenizerConfig
from slipway.data.tokenizer import build, pad_id, unknown_id
from slipway.errors import UserError

TEXTS = ["The quick brown fox doesn't jump over 2 lazy dogs!", "A café sells coffee; the fox pays."] * 20


def words(**changes) -> Tokenizer:
    values = {"vocab_size": 500, "max_length": 20, "min_frequency": 1} | changes
    return build(tokenizer_config("words", **values), TEXTS)


def bpe(**changes) -> Tokenizer:
    return build(tokenizer_config("bpe", **{"vocab_size": 400, "max_length": 20} | changes), TEXTS)


@pytest.fixture(params=[words, bpe])
def train(request):
    return request.param


def test_pad_is_0_and_unknown_is_1(train):
    assert (pad_id(train()), unknown_id(train())) == (0, 1)


def test_the_file_alone_does_what_the_tokenizer_does(train, tmp_path):
    tokenizer = train(stop_words="english", strip_digits=True)
    (tmp_path / "tokenizer.json").write_text(tokenizer.to_str())
    again = Tokenizer.from_file(str(tmp_path / "tokenizer.json"))
    for text in [*TEXTS[:2], "Unseen 42 words", "", "x " * 100]:
        assert again.encode(text).ids == tokenizer.encode(text).ids


def test_training_twice_gives_the_same_bytes(train):
    assert train().to_str() == train().to_str()


def test_texts_are_cut_at_max_length_and_never_padded(train):
    tokenizer = train(max_length=5)
    assert [len(one.ids) for one in tokenizer.encode_batch(["fox " * 50, "fox"])] == [5, 1]


def test_the_vocabulary_has_the_size_that_was_asked_for():
    assert words(vocab_size=300).get_vocab_size() == 22
    assert bpe(vocab_size=300).get_vocab_size() == 300


def test_a_text_that_spells_a_special_token_does_not_become_one(train):
    ids = train(lower_case=False).encode("[PAD] [UNK] fox").ids
    assert 0 not in ids


def test_byte_level_bpe_knows_every_text():
    assert 1 not in bpe().encode("Ünseen 字 \U0001f600 \x07").ids


def test_whole_words_that_are_new_are_unknown():
    assert words().encode("fox zebra").tokens == ["fox", "[UNK]"]


def test_rare_words_are_left_out():
    tokenizer = build(tokenizer_config("words", vocab_size=500, max_length=20, min_frequency=2), ["fox fox zebra"])
    assert tokenizer.encode("fox zebra").tokens == ["fox", "[UNK]"]


@pytest.mark.parametrize(
    ("options", "text", "tokens"),
    [
        ({}, "The FOX", ["the", "fox"]),
        ({"lower_case": False}, "The fox", ["The", "fox"]),
        ({}, "ﬁve", ["[UNK]"]),
        ({}, "a cafe", ["a", "[UNK]"]),
        ({"strip_accents": True}, "a café", ["a", "cafe"]),
        ({}, "fox!", ["fox", "!"]),
        ({"strip_punctuation": True}, "fox! $+", ["fox"]),
        ({}, "2 dogs", ["2", "dogs"]),
        ({"strip_digits": True}, "2 dogs", ["dogs"]),
        ({"stop_words": "english"}, "The fox pays over a café", ["fox", "pays", "café"]),
        ({"stop_words": ("fox", "c++")}, "Fox c++ jump", ["jump"]),
        ({"stop_words": ("t",)}, "doesn't", ["doesn", "'", "t"]),
        ({"stop_words": ("a",), "lower_case": False}, "A fox", ["fox"]),
    ],
)
def test_cleaning_steps_are_options_of_the_normaliser(options, text, tokens):
    assert words(**options).encode(text).tokens == tokens


@pytest.mark.parametrize("text", [" ", "\n\t", "!!!", "the", "42", "\U0001f600"])
def test_a_text_of_which_nothing_is_left_still_has_a_token(train, text):
    tokenizer = train(strip_punctuation=True, strip_digits=True, stop_words="english")
    assert len(tokenizer.encode(text).ids) >= 1


def pretrained_file(folder) -> Tokenizer:
    tokenizer = Tokenizer(models.WordLevel({"<pad>": 0, "<s>": 1, "</s>": 2, "<unk>": 3, "fox": 4}, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing("<s> $A </s>", special_tokens=[("<s>", 1), ("</s>", 2)])
    tokenizer.enable_padding(length=32)
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    return tokenizer


def test_a_pretrained_tokenizer_comes_from_a_local_folder(tmp_path, capsys):
    pretrained_file(tmp_path)
    tokenizer = build(Pretrained(kind="pretrained", name=str(tmp_path), max_length=4), TEXTS)
    assert tokenizer.encode("fox fox fox fox").ids == [1, 4, 4, 2]
    assert tokenizer.encode("fox").ids == [1, 4, 2]
    assert (pad_id(tokenizer), unknown_id(tokenizer)) == (0, 3)
    assert f"{tmp_path} is not in data/local" in capsys.readouterr().err


def test_a_folder_without_a_tokenizer_is_named(tmp_path):
    config = Pretrained(kind="pretrained", name=str(tmp_path), max_length=4)
    with pytest.raises(UserError, match=r"tokenizer\.json is missing: model\.tokenizer\.name is a folder"):
        build(config, TEXTS)
    (tmp_path / "tokenizer.json").write_text("{")
    with pytest.raises(UserError, match=r"tokenizer\.json: not a tokenizer that can be read"):
        build(config, TEXTS)


def by_name(tmp_path, endpoint: str, offline: str = "0") -> subprocess.CompletedProcess[str]:
    code = """
from slipway.config.tokenizer import Pretrained
from slipway.data.tokenizer import build
from slipway.errors import UserError
try:
    print(build(Pretrained(kind="pretrained", name="some/model", max_length=4), []).encode("fox").ids)
except UserError as error:
    print("error:", error)
"""
    env = os.environ | {"HF_ENDPOINT": endpoint, "HF_HOME": str(tmp_path / "hub"), "NO_PROXY": "127.0.0.1"}
    env["HF_HUB_OFFLINE"] = offline
    return subprocess.run(
        [sys.executable, "-c", code], env=env, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
    )


def test_a_pretrained_tokenizer_comes_from_the_hub_by_name(tmp_path):
    pretrained_file(tmp_path / "source")
    content = (tmp_path / "source" / "tokenizer.json").read_bytes()
    asked = []

    class Hub(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            asked.append(self.path)
            self.send_response(200)
            self.send_header("ETag", '"abc"')
            self.send_header("X-Repo-Commit", "0" * 40)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()

        def do_GET(self) -> None:
            self.do_HEAD()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Hub) as http:
        thread = Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        done = by_name(tmp_path, f"http://127.0.0.1:{http.server_port}")
        http.shutdown()
        thread.join()
    assert done.stdout == "[1, 4, 2]\n", done.stderr
    assert "/some/model/resolve/main/tokenizer.json" in asked


def test_a_hub_out_of_reach_is_an_error_in_words(tmp_path):
    done = by_name(tmp_path, "http://127.0.0.1:1", offline="1")
    assert done.stdout.startswith(
        "error: model.tokenizer.name: no folder 'some/model' here, and the hub did not give it"
    )
    assert "local folder" in done.stdout


@pytest.mark.parametrize(
    "value",
    [
        {"kind": "bpe", "vocab_size": 10, "max_length": 8},
        {"kind": "bpe", "vocab_size": 400, "max_length": 0},
        {"kind": "words", "vocab_size": 400, "max_length": 8, "stop_words": "klingon"},
        {"kind": "words", "vocab_size": 400, "max_length": 8, "lowercase": True},
        {"kind": "letters", "vocab_size": 400, "max_length": 8},
        {"kind": "pretrained", "name": "", "max_length": 8},
    ],
)
def test_a_wrong_configuration_is_refused(value):
    with pytest.raises(ValidationError):
        TypeAdapter(TokenizerConfig).validate_json(json.dumps(value))
