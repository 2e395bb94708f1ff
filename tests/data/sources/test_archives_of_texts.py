"""The two public sets that come as archives: the UCI zip and the Stanford tarball, in miniature."""

import hashlib
import io
import json
import tarfile
import zipfile

import pytest

from slipway.config.data import DataConfig
from slipway.data.rows import Row
from slipway.data.sources.read import read
from slipway.errors import UserError

NEWS = (
    b'1\t"Fed" up\thttp://a\tReuters\tb\tx1\ta\t1394470370698\n'
    b"2\tStar sings\thttp://a\tOther\te\tx2\ta\t1394470370698\n"
    b"3\tNew phone\thttp://a\tReuters\tt\tx3\ta\t1394470370698\n"
)


@pytest.fixture
def source(configure):
    def build(name, **values):
        values = {f"source__{key}": value for key, value in values.items()}
        return DataConfig.model_validate_json(json.dumps(configure(name, **values))).source

    return build


def news_zip(data: bytes, member: str = "newsCorpora.csv") -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(member, data)
    return buffer.getvalue()


def reviews(**files: bytes) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, data in files.items():
            info = tarfile.TarInfo(name.replace("__", "/"))
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


def test_headlines_of_the_chosen_publishers(server, project, source):
    server.content = news_zip(NEWS)
    config = source(
        "news_aggregator", url=server.url, publishers=["Reuters"], member_sha256=hashlib.sha256(NEWS).hexdigest()
    )
    raw = read(config)
    assert raw.rows == [
        Row('"Fed" up', "business", None, "newsCorpora.csv:1"),
        Row("New phone", "science_and_technology", None, "newsCorpora.csv:3"),
    ]
    assert raw.facts["member_sha256"] == config.member_sha256


def test_no_publisher_chosen_means_all(server, project, source):
    server.content = news_zip(NEWS)
    assert len(read(source("news_aggregator", url=server.url, publishers=[], member_sha256=None)).rows) == 3


@pytest.mark.parametrize(
    ("content", "values", "message"),
    [
        (news_zip(NEWS), {}, r"the SHA-256 of newsCorpora\.csv is .*data\.source\.member_sha256 says d343"),
        (news_zip(NEWS), {"publishers": ["Nobody"], "member_sha256": None}, r"no headline .*\(Nobody\)"),
        (news_zip(NEWS.replace(b"\tb\t", b"\tz\t")), {"member_sha256": None}, r"newsCorpora\.csv:1: .*label 'z'"),
        (news_zip(NEWS + b"4\tcut"), {"member_sha256": None}, r"newsCorpora\.csv:4: 2 fields where 8 columns"),
        (news_zip(NEWS, "../newsCorpora.csv"), {}, "leads outside"),
        (b"<html>not found</html>", {}, "not a zip that can be read"),
    ],
)
def test_a_wrong_zip_is_an_error_in_words(server, project, source, content, values, message):
    server.content = content
    with pytest.raises(UserError, match=message):
        read(source("news_aggregator", **{"url": server.url, "publishers": ["Reuters"]} | values))


def test_reviews_in_the_order_of_their_names_with_the_official_split(server, project, source):
    server.content = reviews(
        aclImdb__test__pos__0_9=b"",
        **{
            "aclImdb__train__pos__1_9.txt": b"Good.<br /><br />Very.",
            "aclImdb__test__neg__0_1.txt": "Café noir.".encode(),
            "aclImdb__train__unsup__0_0.txt": b"Unlabelled.",
            "aclImdb__README": b"Read me.",
        },
    )
    raw = read(source("imdb", url=server.url, sha256=hashlib.sha256(server.content).hexdigest()))
    assert raw.rows == [
        Row("Café noir.", "negative", "test", "aclImdb/test/neg/0_1.txt"),
        Row("Good.  Very.", "positive", "train", "aclImdb/train/pos/1_9.txt"),
    ]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (reviews(README=b"nothing"), "no review under"),
        (reviews(**{"aclImdb__train__pos__1_9.txt": b"caf\xe9"}), r"aclImdb/train/pos/1_9\.txt: byte 3 is not UTF-8"),
        (reviews(**{"..__evil": b""}), "leads outside"),
        (b"<html>not found</html>", "not a tarball that can be read"),
    ],
    ids=["nothing", "latin", "outside", "page"],  # a tarball has the second in it in which it was made
)
def test_a_wrong_tarball_is_an_error_in_words(server, project, source, content, message):
    server.content = content
    with pytest.raises(UserError, match=message):
        read(source("imdb", url=server.url, sha256=None))
