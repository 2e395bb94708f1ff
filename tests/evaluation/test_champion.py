"""The champion is found by its hash: in the cache, else in the remote, else with words that help."""

import json
import os
import shlex
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from slipway.errors import UserError
from slipway.evaluation.champion import bundle_of, champion_of, read_champion, write_champion
from slipway.predictor import Predictor

QUIET = {
    **os.environ,
    "DVC_NO_ANALYTICS": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_AUTHOR_NAME": "t",
    "GIT_AUTHOR_EMAIL": "t@example.org",
    "GIT_COMMITTER_NAME": "t",
    "GIT_COMMITTER_EMAIL": "t@example.org",
}
PIPELINE = """\
stages:
  package:
    cmd: python -c "import shutil; shutil.copytree('made', 'models/bundle')"
    deps: [made]
    outs: [models/bundle]
"""


def command(folder: Path, *words: str) -> str:
    done = subprocess.run(words, cwd=folder, env=QUIET, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.strip()


def dvc(folder: Path, *words: str) -> str:
    return command(folder, sys.executable, "-m", "dvc", *words)


@pytest.fixture(scope="module")
def made(bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project whose pipeline made a bundle and pushed it to a folder next door."""
    project = tmp_path_factory.mktemp("project")
    command(project, "git", "init", "-q", "-b", "main")
    dvc(project, "init", "-q")
    dvc(project, "remote", "add", "-q", "-d", "store", str(tmp_path_factory.mktemp("remote")))
    command(project, "git", "add", ".")
    command(project, "git", "commit", "-q", "-m", "Nothing trained yet")
    command(project, "git", "tag", "empty")
    shutil.copytree(bundle, project / "made")
    (project / "models").mkdir()
    (project / "dvc.yaml").write_text(PIPELINE)
    dvc(project, "repro", "-q")
    dvc(project, "push", "-q")
    command(project, "git", "add", "dvc.yaml", "dvc.lock")
    command(project, "git", "commit", "-q", "-m", "Train")
    return project


@pytest.fixture
def project(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of that project, entered."""
    copy = tmp_path / "copy"
    shutil.copytree(made, copy, symlinks=True)
    monkeypatch.chdir(copy)
    return copy


def test_a_revision_names_the_bundle_of_its_lock(project: Path, made: Path) -> None:
    commit, digest = champion_of("main")
    assert commit == command(made, "git", "rev-parse", "main")
    assert digest == dvc_digest(project)


def dvc_digest(project: Path) -> str:
    import yaml

    (out,) = yaml.safe_load((project / "dvc.lock").read_text())["stages"]["package"]["outs"]
    return str(out["md5"])


def test_a_revision_without_a_lock_has_no_champion(project: Path) -> None:
    assert champion_of("empty")[1] is None


def test_a_project_inside_a_larger_repository_reads_its_own_lock(
    tmp_path: Path, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inner = tmp_path / "mono" / "ml"
    inner.mkdir(parents=True)
    command(inner.parent, "git", "init", "-q", "-b", "main")
    shutil.copy(project / "dvc.lock", inner)
    command(inner, "git", "add", ".")
    command(inner, "git", "commit", "-q", "-m", "x")
    monkeypatch.chdir(inner)
    assert champion_of("HEAD")[1] == dvc_digest(project)


@pytest.mark.parametrize("revision", ["nowhere", "--output=x", "", "main:dvc.lock"])
def test_an_unknown_revision_is_an_error_and_never_an_option(project: Path, revision: str) -> None:
    with pytest.raises(UserError, match="git knows no revision"):
        champion_of(revision)
    assert not (project / "x").exists()


def test_a_lock_without_a_bundle_is_an_error(project: Path) -> None:
    lock = project / "dvc.lock"
    lock.write_text(lock.read_text().replace("models/bundle", "models/other"))
    command(project, "git", "commit", "-q", "-am", "Rename")
    with pytest.raises(UserError, match=r"dvc.lock of HEAD has no output models/bundle"):
        champion_of("HEAD")


def test_the_cache_gives_the_very_bundle(project: Path, bundle: Path) -> None:
    with bundle_of(dvc_digest(project)) as folder:
        assert Predictor(folder).digest == Predictor(bundle).digest
        assert {path.name: path.read_bytes() for path in folder.iterdir()} == {
            path.name: path.read_bytes() for path in bundle.iterdir()
        }
    assert not folder.exists()


def test_the_cache_is_enough_where_there_is_no_remote(project: Path) -> None:
    dvc(project, "remote", "remove", "-q", "store")
    with bundle_of(dvc_digest(project)) as folder:
        assert (folder / "manifest.json").is_file()


def test_an_empty_cache_is_filled_from_the_remote(project: Path, bundle: Path) -> None:
    remove_cache(project)
    shutil.rmtree(project / "models")
    with bundle_of(dvc_digest(project)) as folder:
        assert Predictor(folder).digest == Predictor(bundle).digest
    assert not (project / "models").exists()


def test_a_stage_that_dvc_runs_can_ask_for_it(project: Path) -> None:
    digest = dvc_digest(project)
    remove_cache(project)
    script = (
        "from slipway.evaluation.champion import bundle_of\n"
        f"with bundle_of('{digest}') as folder:\n"
        "    open('names', 'w').write(' '.join(sorted(path.name for path in folder.iterdir())))\n"
    )
    (project / "ask.py").write_text(script)
    dvc(project, "stage", "add", "-q", "-n", "ask", "-o", "names", f"{shlex.quote(sys.executable)} ask.py")
    dvc(project, "repro", "-q", "--single-item", "ask")
    assert (project / "names").read_text() == "manifest.json model.onnx tokenizer.json"


def test_a_cache_that_lacks_one_file_asks_the_remote_for_it(project: Path) -> None:
    digest = dvc_digest(project)
    entry = json.loads(cached(project, digest).read_text())[0]
    cached(project, entry["md5"]).unlink()
    with bundle_of(digest) as folder:
        assert (folder / entry["relpath"]).is_file()


def test_a_remote_that_lost_a_file_is_an_error(project: Path) -> None:
    digest = dvc_digest(project)
    entry = json.loads(cached(project, digest).read_text())[0]["md5"]
    remove_cache(project)
    store = project / "store"
    shutil.copytree(dvc(project, "remote", "list").split()[1], store)
    dvc(project, "remote", "modify", "-q", "store", "url", str(store))
    lost = store / "files" / "md5" / entry[:2] / entry[2:]
    lost.unlink()
    with pytest.raises(UserError, match="neither the local cache nor the remote has all of it"), bundle_of(digest):
        pass


def test_a_damaged_file_in_the_cache_is_fetched_anew(project: Path, bundle: Path) -> None:
    digest = dvc_digest(project)
    entry = json.loads(cached(project, digest).read_text())[0]
    path = cached(project, entry["md5"])
    path.chmod(0o644)
    path.write_bytes(b"damaged")
    with bundle_of(digest) as folder:
        assert (folder / entry["relpath"]).read_bytes() == (bundle / entry["relpath"]).read_bytes()


def test_a_bundle_that_neither_has_is_an_error_that_says_what_to_do(project: Path) -> None:
    words = r"neither the local cache nor the remote has all of it.*dvc push.*null"
    with pytest.raises(UserError, match=words), bundle_of("0" * 32 + ".dir"):
        pass


def test_no_remote_and_no_cache_is_an_error_that_says_so(project: Path) -> None:
    remove_cache(project)
    dvc(project, "remote", "remove", "-q", "store")
    with (
        pytest.raises(UserError, match=r"no remote can be asked: .*no remote specified"),
        bundle_of(dvc_digest(project)),
    ):
        pass


def test_a_remote_that_is_gone_is_an_error(project: Path, tmp_path: Path) -> None:
    remove_cache(project)
    dvc(project, "remote", "modify", "-q", "store", "url", str(tmp_path / "gone"))
    with pytest.raises(UserError, match="remote"), bundle_of(dvc_digest(project)):
        pass


def test_a_folder_without_dvc_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no remote can be asked"), bundle_of("0" * 32 + ".dir", tmp_path):
        pass


def test_a_folder_that_is_no_bundle_is_refused(project: Path) -> None:
    (project / "nested" / "deep").mkdir(parents=True)
    (project / "nested" / "deep" / "file").write_text("x")
    dvc(project, "add", "-q", "nested")
    digest = next(line.split()[-1] for line in (project / "nested.dvc").read_text().splitlines() if ".dir" in line)
    with pytest.raises(UserError, match="a bundle has no folders"), bundle_of(digest):
        pass


def remove_cache(project: Path) -> None:
    shutil.rmtree(project / ".dvc" / "cache")


def cached(project: Path, digest: str) -> Path:
    path = project / ".dvc" / "cache" / "files" / "md5" / digest[:2] / digest[2:]
    path.parent.chmod(path.parent.stat().st_mode | stat.S_IWUSR)
    return path


@pytest.mark.parametrize("digest", [None, "0123456789abcdef" * 2 + ".dir"])
def test_what_is_written_is_read(tmp_path: Path, digest: str | None) -> None:
    write_champion(digest, tmp_path / "champion.json")
    assert read_champion(tmp_path / "champion.json") == digest


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "does not say"),
        ("[]", "does not say"),
        ("{}", "does not say"),
        ('{"bundle": "../../etc"}', "not the DVC hash"),
        ('{"bundle": 5}', "not the DVC hash"),
        ('{"bundle": "0123456789abcdef0123456789abcdef"}', "not the DVC hash"),
    ],
)
def test_a_champion_file_that_makes_no_sense_is_an_error(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "champion.json").write_text(content)
    with pytest.raises(UserError, match=message):
        read_champion(tmp_path / "champion.json")


def test_a_missing_champion_file_is_an_error_that_names_the_command(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="slipway champion REVISION"):
        read_champion(tmp_path / "champion.json")
