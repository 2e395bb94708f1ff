"""Downloads: verified, resumed, tried again, and never half there."""

import errno
import hashlib
import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from slipway.data.download import download, downloads
from slipway.errors import UserError

CONTENT = bytes(range(256)) * 4000  # about a megabyte
SUM = hashlib.sha256(CONTENT).hexdigest()
KEY = "data.source.sha256"
AT_ONCE = (0.0, 0.0)


@pytest.fixture(autouse=True)
def _content(server, project):
    server.content = CONTENT


def left() -> list[str]:
    return sorted(path.name for path in downloads().iterdir())


def test_what_comes_is_verified_and_nothing_else_is_left(server):
    path = download(server.url, SUM, KEY)
    assert path.read_bytes() == CONTENT
    assert left() == [path.name]


def test_a_verified_file_is_not_brought_twice(server):
    download(server.url, SUM, KEY)
    download(server.url, SUM, KEY)
    assert len(server.requests) == 1


def test_without_a_checksum_the_file_is_brought_again_since_it_may_have_changed(server):
    download(server.url, None, KEY)
    server.content = b"newer"
    assert download(server.url, None, KEY).read_bytes() == b"newer"


def test_a_cut_download_goes_on_where_it_was_cut(server):
    server.script = ["cut"]
    assert download(server.url, SUM, KEY, waits=AT_ONCE).read_bytes() == CONTENT
    assert [wanted for _, wanted in server.requests] == [None, f"bytes={len(CONTENT) // 2}-"]


def test_the_next_run_goes_on_where_the_last_gave_up(server):
    server.script = ["cut"]
    with pytest.raises(UserError, match=r"512,000 bytes that came are kept; the next run asks for the rest"):
        download(server.url, SUM, KEY, waits=())
    assert download(server.url, SUM, KEY, waits=()).read_bytes() == CONTENT
    assert server.requests[-1][1] == "bytes=512000-"


def test_a_file_that_changed_while_it_was_cut_is_brought_anew(server):
    server.script = ["cut"]
    with pytest.raises(UserError):
        download(server.url, SUM, KEY, waits=())
    server.content, server.tag = CONTENT[::-1], '"two"'
    path = download(server.url, hashlib.sha256(server.content).hexdigest(), KEY, waits=())
    assert path.read_bytes() == CONTENT[::-1]


@pytest.mark.parametrize("tag", [None, 'W/"weak"'])
def test_a_file_that_cannot_be_told_apart_from_another_is_brought_anew(server, tag):
    server.script, server.tag = ["cut"], tag
    assert download(server.url, SUM, KEY, waits=AT_ONCE).read_bytes() == CONTENT
    assert [wanted for _, wanted in server.requests] == [None, None]


def test_a_server_without_ranges_is_asked_for_the_whole_again(server):
    server.script = ["cut", "no ranges"]
    assert download(server.url, SUM, KEY, waits=AT_ONCE).read_bytes() == CONTENT


def test_a_part_that_is_already_whole_does_not_confuse(server):
    server.script = ["cut"]
    with pytest.raises(UserError):
        download(server.url, SUM, KEY, waits=())
    (part,) = downloads().glob("*.part")
    part.write_bytes(CONTENT)
    assert download(server.url, SUM, KEY, waits=AT_ONCE).read_bytes() == CONTENT


def test_a_body_of_unknown_length_is_taken_whole(server):
    server.script = ["no length"]
    assert download(server.url, SUM, KEY).read_bytes() == CONTENT


def test_a_file_that_may_have_been_cut_unseen_is_warned_of(server, capsys):
    server.script = ["cut without length"]
    path = download(server.url, None, "data.source.sha256.train")
    err = capsys.readouterr().err
    assert f"warning: {server.url}: the server did not say how long the file is" in err
    assert "set data.source.sha256.train" in err
    assert hashlib.sha256(path.read_bytes()).hexdigest() in err


@pytest.mark.parametrize(("answer", "checksum"), [("whole", None), ("chunks", None), ("no length", SUM)])
def test_a_file_that_is_surely_whole_is_not_warned_of(server, capsys, answer, checksum):
    server.script = [answer]
    assert download(server.url, checksum, KEY).read_bytes() == CONTENT
    assert "warning" not in capsys.readouterr().err


@pytest.mark.parametrize("length", ["abc", "-5", "9" * 5000, "1, 2"])
def test_a_length_that_is_none_is_an_error_in_words(server, length):
    server.script = [{"Content-Length": length}]
    with pytest.raises(UserError, match="Content-Length") as caught:
        download(server.url, SUM, KEY, waits=())
    assert len(str(caught.value)) < 500
    assert left() == []


def test_a_packed_answer_is_refused(server):
    server.script = [{"Content-Encoding": "gzip"}]
    with pytest.raises(UserError, match=r"packed the file \(Content-Encoding: 'gzip'\).*give its path"):
        download(server.url, None, KEY, waits=())
    assert left() == []


def test_a_file_that_is_itself_packed_may_be_called_so(server):
    server.script = [{"Content-Encoding": "x-gzip"}]
    assert download(server.url.replace(".csv", ".tar.gz"), SUM, KEY).read_bytes() == CONTENT


@pytest.mark.parametrize("script", [["redirect"] * 40, [503], [302]])
def test_nothing_empty_stays_where_nothing_came(server, script):
    server.script = script
    with pytest.raises(UserError):
        download(server.url, None, KEY, waits=())
    assert left() == []


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_busy_server_is_asked_again(server, status):
    server.script = [status, status]
    assert download(server.url, SUM, KEY, waits=AT_ONCE).read_bytes() == CONTENT


def test_it_gives_up_after_the_last_attempt_and_says_why(server):
    server.script = [503, 503, 503]
    with pytest.raises(UserError, match=r"in 3 attempts \(the server answered 503 .*network"):
        download(server.url, SUM, KEY, waits=AT_ONCE)


def test_a_missing_page_is_not_asked_for_twice(server):
    server.script = [404]
    with pytest.raises(UserError, match=r"answered 404 Not Found. Check the address"):
        download(server.url, SUM, KEY, waits=AT_ONCE)
    assert len(server.requests) == 1
    assert left() == []


def test_a_wrong_checksum_is_named_and_the_file_thrown_away(server):
    with pytest.raises(UserError) as caught:
        download(server.url, "0" * 64, "data.source.sha256.train")
    assert SUM in str(caught.value)
    assert "data.source.sha256.train says 000" in str(caught.value)
    assert left() == []


def test_a_failing_download_leaves_the_file_of_an_earlier_one(server):
    before = download(server.url, SUM, KEY)
    with pytest.raises(UserError):
        download(server.url, "0" * 64, KEY)
    assert before.read_bytes() == CONTENT


def test_offline_is_said_in_words(server):
    with pytest.raises(UserError, match=r"could not be downloaded .*Check the network or the proxy.*give its path"):
        download("http://127.0.0.1:1/texts.csv", SUM, KEY, waits=())


@pytest.mark.parametrize("url", ["file:///etc/hosts", "ftp://127.0.0.1/texts.csv"])
def test_only_the_web_is_downloaded_from(url):
    with pytest.raises(UserError, match="only http and https"):
        download(url, None, KEY)


@pytest.mark.parametrize("url", ["http://", "http://a..b/texts.csv", "http://[::1/texts.csv"])
def test_a_wrong_address_is_an_error_in_words(url):
    with pytest.raises(UserError, match=r"cannot be downloaded .*Check the address"):
        download(url, None, KEY, waits=AT_ONCE)


def test_the_name_in_a_url_cannot_lead_out_of_the_downloads(server):
    path = download(server.url.replace("texts.csv", "a/..%2F..%2Fevil$(x)"), SUM, KEY)
    assert path.parent == downloads()
    assert "/" not in path.name


def test_a_url_without_a_name_has_a_file_all_the_same(server):
    assert download(server.url.replace("texts.csv", ""), SUM, KEY).name.endswith("-download")


def test_downloads_are_shared_by_the_experiments_of_a_project(tmp_path, monkeypatch):
    monkeypatch.setenv("DVC_ROOT", str(tmp_path / "project"))
    assert downloads() == tmp_path / "project" / ".slipway" / "downloads"


def test_two_processes_do_not_write_one_part(server, project):
    path = f"download({server.url!r}, {SUM!r}, 'k')"
    code = f"from slipway.data.download import download; print({path}.name)"
    runs = [subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) for _ in range(2)]
    names = {run.communicate(timeout=60)[0] for run in runs}
    assert len(names) == 1
    assert [run.returncode for run in runs] == [0, 0]
    assert len(server.requests) == 1


def test_no_room_is_said_before_anything_is_brought(server):
    server.script = ["huge"]
    with pytest.raises(UserError, match=r"needs 1,000,000,000,000,000,000 bytes, the disk has [\d,]+ left"):
        download(server.url, SUM, KEY)
    assert left() == []


def test_a_disk_that_fills_up_keeps_the_part_and_says_so(server, project):
    code = f"""
import resource, sys
from slipway.data.download import download
from slipway.errors import UserError
resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, {resource.RLIM_INFINITY}))
try:
    download({server.url!r}, {SUM!r}, "k", waits=())
except UserError as error:
    print(error)
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)  # coverage writes its data at the end
    sys.exit(2)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2, done.stderr
    assert "the disk is full" in done.stdout
    assert os.strerror(errno.EFBIG) not in done.stdout
    (part,) = Path(downloads()).glob("*.part")
    assert part.read_bytes() == CONTENT[:300_000]
    assert download(server.url, SUM, KEY).read_bytes() == CONTENT
    assert server.requests[-1][1] == "bytes=300000-"
