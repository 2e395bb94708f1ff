"""The predictor answers every text, the same in any company, and opens nothing but a bundle that is whole."""

import hashlib
import json
import mmap
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import manifest
from predictor import SCHEMA_VERSION, BundleError, Predictor, chunks, digest_of, softmax

FILES = ["manifest.json", "model.onnx", "model.onnx.data", "tokenizer.json"]
ODD = {
    "empty": "",
    "blank": " \t\n ",
    "NUL": "my\0card",
    "emoji": "\N{PILE OF POO}\N{ZERO WIDTH JOINER}\N{GRINNING FACE}",
    "right to left": "\N{RIGHT-TO-LEFT OVERRIDE}مرحبا بالعالم",
    "lone high surrogate": "card \ud83d lost",
    "lone low surrogate": "\udc80",
    "one word of 10,000 characters": "x" * 10_000,
    "10,000 characters": "where is my card " * 588,
}


@pytest.fixture(scope="module")
def predictor(shipped: Path) -> Predictor:
    return Predictor(shipped)


@pytest.fixture(scope="module")
def texts(prepared: Path) -> list[str]:
    """Real test rows and, among them, all that is odd: 1 to 48 tokens."""
    return pd.read_parquet(prepared / "test.parquet")["text"].tolist()[:200] + list(ODD.values())


def rewrite(bundle: Path, **changes: Any) -> None:
    """Change the manifest and give it the digest that fits."""
    path = bundle / "manifest.json"
    manifest = json.loads(path.read_bytes()) | changes | {"digest": "0" * 64}
    content = json.dumps({key: value for key, value in manifest.items() if value is not ...}).encode()
    path.write_bytes(content.replace(b"0" * 64, digest_of(content, "0" * 64).encode(), 1))


class TestAnswers:
    def test_most_test_rows_are_right(self, predictor: Predictor, prepared: Path) -> None:
        rows = pd.read_parquet(prepared / "test.parquet")
        answers = [answer["label"] for answer in predictor.predict(rows["text"].tolist())]
        assert np.mean(np.array(answers) == rows["label"]) > 0.9

    def test_come_in_the_order_of_the_request(self, predictor: Predictor, texts: list[str]) -> None:
        known = dict(zip(texts, predictor.predict(texts), strict=True))
        shuffled = np.random.default_rng(0).permutation(np.array(texts, object)).tolist()
        assert [answer["label"] for answer in predictor.predict(shuffled)] == [
            known[text]["label"] for text in shuffled
        ]

    def test_do_not_depend_on_the_texts_beside(self, predictor: Predictor, texts: list[str]) -> None:
        together = predictor.logits(texts)
        alone = np.concatenate([predictor.logits([text]) for text in texts])
        np.testing.assert_allclose(together, alone, atol=1e-4)
        assert (together.argmax(axis=1) == alone.argmax(axis=1)).all()

    @pytest.mark.parametrize("budget", [1, 50, 1_000_000])
    def test_do_not_depend_on_the_chunks(self, shipped: Path, texts: list[str], budget: int) -> None:
        predictor = Predictor(shipped)
        usual = predictor.logits(texts)
        predictor.manifest["token_budget"] = budget
        np.testing.assert_allclose(predictor.logits(texts), usual, atol=1e-4)

    def test_do_not_depend_on_the_threads(self, shipped: Path, predictor: Predictor, texts: list[str]) -> None:
        np.testing.assert_allclose(Predictor(shipped, threads=2).logits(texts), predictor.logits(texts), atol=1e-5)

    @pytest.mark.parametrize("text", ODD.values(), ids=ODD)
    def test_are_given_to_any_text(self, predictor: Predictor, text: str) -> None:
        probabilities = predictor.probabilities([text])
        assert np.isfinite(probabilities).all()
        assert probabilities.sum() == pytest.approx(1, abs=1e-5)
        assert json.dumps(predictor.predict([text])).isascii()

    def test_read_a_lone_surrogate_as_the_replacement_character(self, predictor: Predictor) -> None:
        assert predictor.encode(["a \ud800 b"]) == predictor.encode(["a \N{REPLACEMENT CHARACTER} b"])

    def test_read_two_halves_of_a_pair_as_one_character(self, predictor: Predictor) -> None:
        assert predictor.encode(["\ud83d\ude00"]) == predictor.encode(["\N{GRINNING FACE}"])

    def test_say_that_a_text_was_cut(self, predictor: Predictor) -> None:
        words = " ".join(["card"] * 48)
        answers = predictor.predict([words, f"{words} card", ODD["10,000 characters"]])
        assert [answer["truncated"] for answer in answers] == [False, True, True]
        assert len(predictor.encode([ODD["10,000 characters"]])[0].ids) == predictor.manifest["max_length"] == 48

    def test_depend_on_nothing_beyond_the_cut(self, predictor: Predictor) -> None:
        words = " ".join(["card"] * 48)
        assert (predictor.logits([words]) == predictor.logits([f"{words} exchange rate"])).all()

    def test_rank_the_best_classes(self, predictor: Predictor, texts: list[str]) -> None:
        for answer, row in zip(predictor.predict(texts, top_k=3), predictor.probabilities(texts), strict=True):
            scores = [each["score"] for each in answer["alternatives"]]
            assert scores == pytest.approx(sorted(row, reverse=True)[:3], abs=1e-5)
            assert answer["alternatives"][0] == {"label": answer["label"], "score": answer["score"]}

    def test_name_every_class_at_most_once(self, predictor: Predictor) -> None:
        answer = predictor.predict(["my card"], top_k=1_000)[0]
        assert sorted(each["label"] for each in answer["alternatives"]) == predictor.labels

    def test_to_nothing_are_nothing(self, predictor: Predictor) -> None:
        assert predictor.predict([]) == []
        assert predictor.logits([]).shape == (0, 10)

    def test_to_more_texts_than_are_tokenised_at_once(self, predictor: Predictor, texts: list[str]) -> None:
        many = (texts * 12)[:2100]
        assert len(predictor.predict(many)) == len(many)
        np.testing.assert_allclose(predictor.logits(many)[-1], predictor.logits(many[-1:])[0], atol=1e-4)

    def test_are_refused_where_the_question_is_none(self, predictor: Predictor) -> None:
        with pytest.raises(TypeError, match="not one string"):
            predictor.predict("my card")
        with pytest.raises(TypeError, match="must be a string, not int"):
            predictor.predict([1])  # type: ignore[list-item]
        with pytest.raises(ValueError, match="at least 1, not 0"):
            predictor.predict(["my card"], top_k=0)

    def test_need_numpy_tokenizers_and_onnxruntime_only(self, shipped: Path, predictor: Predictor) -> None:
        source = Path(sys.modules[Predictor.__module__].__file__ or "").parent
        program = (
            "import sys; from pathlib import Path; from predictor import Predictor; "
            f"print(Predictor(Path({str(shipped)!r})).predict(['where is my card'])[0]['label']); "
            "others = ('torch.', 'slipway.', 'onnx.', 'pandas.', 'transformers.', 'requests.'); "
            "print([name for name in sorted(sys.modules) if f'{name}.'.startswith(others)])"
        )
        done = subprocess.run([sys.executable, "-c", program], cwd=source, capture_output=True, text=True, check=True)
        assert done.stdout.split() == [predictor.predict(["where is my card"])[0]["label"], "[]"]


class TestTokens:
    def test_of_a_text_that_has_none_are_one_unknown_token(self, bundle: Path) -> None:
        path = bundle / "tokenizer.json"
        tokenizer = json.loads(path.read_text(encoding="utf-8"))
        tokenizer["normalizer"] = None
        path.write_text(json.dumps(tokenizer), encoding="utf-8")
        seal(bundle)
        predictor = Predictor(bundle)
        assert predictor.encode([""])[0].ids == [predictor.manifest["unk_id"]] == [1]
        predictor.manifest["unk_id"] = None
        assert predictor.encode([""])[0].ids == [predictor.manifest["pad_id"]] == [0]

    def test_are_the_prepared_ones(self, predictor: Predictor, prepared: Path) -> None:
        tokens, offsets = (np.load(prepared / "test" / f"{name}.npy") for name in ("tokens", "offsets"))
        rows = predictor.encode(pd.read_parquet(prepared / "test.parquet")["text"].tolist())
        assert np.concatenate([row.ids for row in rows]).tolist() == tokens.tolist()
        assert np.cumsum([len(row.ids) for row in rows]).tolist() == offsets[1:].tolist()


@given(st.lists(st.integers(1, 60), max_size=80), st.integers(1, 200))
def test_chunks_hold_every_text_once_within_the_budget(lengths: list[int], budget: int) -> None:
    lengths.sort()
    bounds = list(chunks(lengths, budget))
    assert [row for start, stop in bounds for row in range(start, stop)] == list(range(len(lengths)))
    assert all((stop - start) * lengths[stop - 1] <= budget or stop - start == 1 for start, stop in bounds)


def test_the_model_is_given_no_more_than_the_budget_at_once(
    predictor: Predictor, texts: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    shapes, session = [], predictor._session

    class Seen:
        def run(self, names: list[str], inputs: dict[str, Any]) -> Any:
            shapes.append(inputs["input_ids"].shape)
            return session.run(names, inputs)

    monkeypatch.setattr(predictor, "_session", Seen())
    predictor.manifest["token_budget"] = 256
    predictor.logits(texts)
    assert sum(rows for rows, _ in shapes) == len(texts)
    assert all(rows * longest <= 256 for rows, longest in shapes)
    # sorted by length: what is padded is little
    lengths = [len(each.ids) for each in predictor.encode(texts)]
    assert sum(rows * longest for rows, longest in shapes) < 1.2 * sum(lengths)


def test_the_session_takes_the_threads_it_is_given_and_the_graph_as_it_is(shipped: Path) -> None:
    options = Predictor(shipped, threads=3)._session.get_session_options()
    assert (options.intra_op_num_threads, options.inter_op_num_threads) == (3, 1)
    assert options.graph_optimization_level.name == "ORT_DISABLE_ALL"


def test_probabilities_of_large_logits_are_numbers() -> None:
    rows = softmax(np.array([[1e30, 0, -1e30], [-1e4, -1e4, -1e4]], np.float32))
    np.testing.assert_allclose(rows, [[1, 0, 0], [1 / 3, 1 / 3, 1 / 3]], rtol=1e-6)


class TestRecordedPredictions:
    @pytest.fixture
    def recorded(self, bundle: Path) -> Predictor:
        return Predictor(bundle)

    def test_hold_in_a_whole_bundle(self, predictor: Predictor) -> None:
        assert len(predictor.manifest["recorded"]) == 16
        assert {entry["label"] for entry in predictor.manifest["recorded"]} == set(predictor.labels)
        assert predictor.check_recorded() == []

    def test_name_another_label_where_the_margin_is_clear(self, recorded: Predictor) -> None:
        recorded.manifest["recorded"][3] |= {"label": "nothing", "margin": 0.9}
        assert recorded.check_recorded()[0].startswith("recorded[3]: the label is ")
        assert "recorded was nothing" in recorded.check_recorded()[0]

    def test_allow_another_label_within_the_tolerance(self, recorded: Predictor) -> None:
        recorded.manifest["recorded"][3] |= {"label": "nothing", "margin": recorded.manifest["tolerance"] / 2}
        assert recorded.check_recorded() == []

    @pytest.mark.parametrize(("off", "holds"), [(0.5, True), (2, False), (float("nan"), False)])
    def test_allow_probabilities_within_the_tolerance(self, recorded: Predictor, off: float, holds: bool) -> None:
        recorded.manifest["recorded"][0]["probabilities"][0] += off * recorded.manifest["tolerance"]
        faults = recorded.check_recorded()
        assert (faults == []) is holds
        assert holds or "0.001 is allowed" in faults[0]

    def test_may_be_asked_for_one_only(self, recorded: Predictor) -> None:
        recorded.manifest["recorded"][1] |= {"label": "nothing", "margin": 0.9}
        assert recorded.check_recorded(1) == []
        assert len(recorded.check_recorded(2)) == 1


def seal(bundle: Path) -> None:
    """Put the present files into the manifest."""
    from slipway.packaging.bundle import write_manifest

    write_manifest(bundle, json.loads((bundle / "manifest.json").read_bytes()))


class TestBundle:
    @pytest.mark.parametrize("name", FILES)
    @pytest.mark.parametrize("place", [0.0, 0.5, 1.0], ids=["first", "middle", "last"])
    def test_with_a_flipped_byte_is_refused_by_name(self, bundle: Path, name: str, place: float) -> None:
        content = bytearray((bundle / name).read_bytes())
        content[int(place * (len(content) - 1))] ^= 1
        (bundle / name).write_bytes(content)
        with pytest.raises(BundleError, match=f"bundle/{name} .*(altered|damaged)"):
            Predictor(bundle)

    @pytest.mark.parametrize("size", [0, 4096, 8191, 8192, 20_000])
    def test_is_hashed_in_pieces_as_at_once(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, size: int) -> None:
        monkeypatch.setattr(manifest, "AT_ONCE", mmap.ALLOCATIONGRANULARITY)
        content = np.random.default_rng(0).bytes(size)
        (tmp_path / "file").write_bytes(content)
        with (tmp_path / "file").open("rb") as file:
            assert manifest.sha256(file, size) == hashlib.sha256(content).hexdigest()

    @given(st.data())
    def test_with_any_flipped_byte_of_the_manifest_is_refused(
        self, shipped: Path, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
    ) -> None:
        content = bytearray((shipped / "manifest.json").read_bytes())
        content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
        folder = tmp_path_factory.mktemp("bundle")
        (folder / "manifest.json").write_bytes(content)
        with pytest.raises(BundleError, match=r"manifest\.json"):
            Predictor(folder)

    @pytest.mark.parametrize("name", FILES)
    def test_that_lacks_a_file_is_refused_by_name(self, bundle: Path, name: str) -> None:
        (bundle / name).unlink()
        with pytest.raises(BundleError, match=f"bundle/{name} cannot be read .No such file"):
            Predictor(bundle)

    @pytest.mark.parametrize("name", FILES)
    def test_with_a_shortened_file_is_refused_by_name(self, bundle: Path, name: str) -> None:
        (bundle / name).write_bytes((bundle / name).read_bytes()[:-1])
        with pytest.raises(BundleError, match=f"bundle/{name} .*(altered|damaged)"):
            Predictor(bundle)

    @pytest.mark.parametrize("content", ["", "[]", "{}", "null", '{"schema_version": 1}', "\ud800"])
    def test_whose_manifest_is_none_is_refused(self, bundle: Path, content: str) -> None:
        (bundle / "manifest.json").write_text(content, encoding="utf-16", errors="surrogatepass")
        with pytest.raises(BundleError, match=r"manifest\.json is damaged"):
            Predictor(bundle)
        (bundle / "manifest.json").write_text(content, encoding="utf-8", errors="surrogatepass")
        with pytest.raises(BundleError, match=r"manifest\.json is damaged"):
            Predictor(bundle)

    def test_that_is_a_file_is_refused(self, tmp_path: Path) -> None:
        (tmp_path / "bundle").write_text("")
        with pytest.raises(BundleError, match=r"is .*bundle a bundle"):
            Predictor(tmp_path / "bundle")

    @pytest.mark.parametrize("version", [SCHEMA_VERSION + 1, "2", None])
    def test_of_a_newer_schema_is_refused(self, bundle: Path, version: object) -> None:
        rewrite(bundle, schema_version=version)
        with pytest.raises(BundleError, match=r"manifest\.json has schema version .* reads up to 1: .*newer code"):
            Predictor(bundle)

    def test_with_an_unknown_key_is_refused(self, bundle: Path) -> None:
        rewrite(bundle, colour="red")
        with pytest.raises(BundleError, match=r"manifest\.json: unknown key colour"):
            Predictor(bundle)

    def test_that_lacks_a_key_is_refused(self, bundle: Path) -> None:
        rewrite(bundle, limits=..., tolerance=...)
        with pytest.raises(BundleError, match=r"manifest\.json: missing key limits, tolerance"):
            Predictor(bundle)

    @pytest.mark.parametrize("name", ["model.onnx", "tokenizer.json"])
    def test_whose_manifest_forgets_a_file_is_refused(self, bundle: Path, name: str) -> None:
        files = json.loads((bundle / "manifest.json").read_bytes())["files"]
        del files[name]
        rewrite(bundle, files=files)
        with pytest.raises(BundleError, match=f"{name} is not in the manifest"):
            Predictor(bundle)

    def test_whose_labels_are_not_as_many_as_the_model_s_classes_is_refused(self, bundle: Path) -> None:
        rewrite(bundle, labels=["yes", "no"])
        with pytest.raises(BundleError, match="names 2 labels, the model answers 10"):
            Predictor(bundle)

    @pytest.mark.parametrize("entry", [{}, None, 5, {"bytes": 1}])
    def test_that_does_not_say_what_a_file_is_is_refused(self, bundle: Path, entry: object) -> None:
        files = json.loads((bundle / "manifest.json").read_bytes())["files"]
        rewrite(bundle, files=files | {"model.onnx": entry})
        with pytest.raises(BundleError, match=r"model\.onnx was altered"):
            Predictor(bundle)

    def test_whose_manifest_is_a_well_is_refused(self, bundle: Path) -> None:
        (bundle / "manifest.json").write_text("[" * 200_000)
        with pytest.raises(BundleError, match=r"manifest\.json is damaged"):
            Predictor(bundle)

    @pytest.mark.parametrize("name", ["../secret", "/etc/hostname", "a/b", "a\0b"])
    def test_that_points_outside_of_itself_is_refused(self, bundle: Path, name: str) -> None:
        files = json.loads((bundle / "manifest.json").read_bytes())["files"]
        rewrite(bundle, files=files | {name: {"bytes": 1, "sha256": "0" * 63 + "1"}})
        with pytest.raises(BundleError, match="outside the bundle"):
            Predictor(bundle)

    @pytest.mark.parametrize("name", ["model.onnx", "tokenizer.json"])
    def test_that_the_libraries_cannot_open_is_refused(self, bundle: Path, name: str) -> None:
        (bundle / name).write_text("{}")
        seal(bundle)
        with pytest.raises(BundleError, match=r"bundle is whole, but cannot be opened: .* other versions"):
            Predictor(bundle)

    def test_of_symbolic_links_into_many_folders_is_explained(self, bundle: Path) -> None:
        for path in list(bundle.iterdir()):
            cached = bundle.parent / f"cache-{path.name}" / "content"
            cached.parent.mkdir()
            path.rename(cached)
            path.symlink_to(cached)
        with pytest.raises(BundleError, match=r"symbolic links \(then `dvc config cache\.type copy`"):
            Predictor(bundle)

    def test_is_known_by_the_digest_of_its_manifest(self, predictor: Predictor, bundle: Path) -> None:
        rewrite(bundle, name="another")
        assert len(predictor.digest) == 64
        assert Predictor(bundle).digest != predictor.digest


@pytest.mark.parametrize("module", ["predictor", "slipway.packaging.quantize"])
def test_nobody_is_told_of_it(tmp_path: Path, module: str) -> None:
    # ONNX Runtime keeps what it is going to send in the home folder
    folder = Path(__file__).resolve().parents[2]
    places = {"PYTHONPATH": f"{folder / 'lambda'}:{folder / 'src'}", "HOME": str(tmp_path)}
    code = f"import {module}, onnxruntime; onnxruntime.SessionOptions()"
    subprocess.run([sys.executable, "-c", code], env=places, check=True)
    assert list(tmp_path.iterdir()) == []
