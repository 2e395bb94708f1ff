"""Images are really built of files, really pushed, and are in the registry as they were pushed."""

import gzip
import io
import json
import shutil
import tarfile
import urllib.request
from hashlib import sha256
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from slipway.rehearsal.docker.dockerfile import DockerfileError, build

ROOT = Path(__file__).resolve().parents[4]
HOST = "123456789012.dkr.ecr.us-east-1.amazonaws.com"


def files(texts: Any, tag: str) -> dict[str, bytes]:
    """The files of an image, as one who pulls it finds them."""
    ecr, found = boto3.client("ecr"), dict[str, bytes]()
    [image] = ecr.batch_get_image(repositoryName="texts", imageIds=[{"imageTag": tag}])["images"]
    assert image["imageId"]["imageDigest"] == f"sha256:{sha256(image['imageManifest'].encode()).hexdigest()}"
    for layer in json.loads(image["imageManifest"])["layers"]:
        url = ecr.get_download_url_for_layer(repositoryName="texts", layerDigest=layer["digest"])["downloadUrl"]
        with urllib.request.urlopen(url) as answer:  # noqa: S310
            content = answer.read()
        assert (f"sha256:{sha256(content).hexdigest()}", len(content)) == (layer["digest"], layer["size"])
        with tarfile.open(fileobj=io.BytesIO(gzip.decompress(content))) as tar:
            for entry in tar:
                text = tar.extractfile(entry)
                assert text is not None
                found[entry.name] = text.read()
    return found


def test_an_image_has_the_files_that_were_copied(texts: Any) -> None:
    found = files(texts, "1")
    assert sorted(found) == ["var/task/app.py", "var/task/hook.py"]
    assert found["var/task/app.py"] == (texts.folder / "app.py").read_bytes()
    told = json.loads(texts.docker("image", "inspect", f"{HOST}/texts:1"))[0]
    assert told["Config"]["Cmd"] == ["app.handler"]
    assert "TOLD=by-the-image" in told["Config"]["Env"]
    digest = boto3.client("ecr").describe_images(repositoryName="texts", imageIds=[{"imageTag": "1"}])["imageDetails"][
        0
    ]
    assert told["RepoDigests"] == [f"{HOST}/texts@{digest['imageDigest']}"]


def test_the_same_files_make_the_same_image(texts: Any) -> None:
    first = texts.build(2)
    assert first == texts.docker("push", f"{HOST}/texts:2").split()[-1]
    (texts.folder / "other.py").write_text("not copied")
    assert texts.docker("build", "--tag", "here", ".").strip() == first
    (texts.folder / "app.py").write_text("changed")
    assert texts.docker("build", "--tag", "here", ".").strip() != first


def test_a_tag_is_never_given_to_another_image(texts: Any) -> None:
    (texts.folder / "app.py").write_text("another")
    texts.docker("build", "--tag", f"{HOST}/texts:1", ".")
    assert "ImageTagAlreadyExistsException" in texts.docker("push", f"{HOST}/texts:1", fails=True)


def test_who_has_not_logged_in_pushes_nothing(texts: Any) -> None:
    texts.docker("build", "--tag", "111111111111.dkr.ecr.us-east-1.amazonaws.com/texts:1", ".")
    said = texts.docker("push", "111111111111.dkr.ecr.us-east-1.amazonaws.com/texts:1", fails=True)
    assert "no basic auth credentials" in said
    said = texts.docker("login", "--username", "AWS", "--password-stdin", HOST, stdin="wrong", fails=True)
    assert "400 Bad Request" in said


def test_an_image_is_shown_by_its_digest_here_and_to_who_has_logged_in(texts: Any) -> None:
    [tag] = boto3.client("ecr").describe_images(repositoryName="texts", imageIds=[{"imageTag": "1"}])["imageDetails"]
    image = f"{HOST}/texts@{tag['imageDigest']}"
    assert json.loads(texts.docker("image", "inspect", image))[0]["RepoDigests"] == [image]
    assert json.loads(texts.docker("manifest", "inspect", image))["schemaVersion"] == 2
    assert "no such manifest" in texts.docker("manifest", "inspect", f"{HOST}/texts@sha256:{'0' * 64}", fails=True)
    # another machine has images and logins of its own
    texts.environment |= {
        "SLIPWAY_DOCKER": "",
        "DOCKER_CONFIG": "",
        "HOME": str(texts.folder / "home"),
    }
    assert "No such image" in texts.docker("image", "inspect", image, fails=True)
    assert "no basic auth credentials" in texts.docker("manifest", "inspect", image, fails=True)


def test_buildx_pushes_at_once_and_tells_the_digest(texts: Any) -> None:
    words = ("--provenance=false", "--platform", "linux/amd64", "--metadata-file", "told.json", "--push")
    texts.docker("buildx", "build", "--file", "Dockerfile", "--tag", f"{HOST}/texts:x", *words, ".")
    told = json.loads((texts.folder / "told.json").read_text())
    assert told["containerimage.digest"] == boto3.client("ecr").describe_images(
        repositoryName="texts", imageIds=[{"imageTag": "x"}]
    )["imageDetails"][0]["imageDigest"]  # fmt: skip


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("build", "--squash", "."), "unknown flag: --squash"),
        (("build", "--tag", "a"), "requires exactly 1 argument"),
        (("build", "--file", "none", "."), "failed to read dockerfile"),
        (("run", "a"), "unknown command"),
        (("push", "none:1"), "does not exist locally"),
        (("image", "inspect", "none"), "No such image: none"),
        (("login", "--username", "me", HOST), "unknown options"),
    ],
)
def test_what_is_not_understood_is_refused(texts: Any, words: tuple[str, ...], says: str) -> None:
    assert says in texts.docker(*words, fails=True)


def test_a_role_that_may_not_push_pushes_nothing(texts: Any) -> None:
    texts.aws.client("iam").create_role(RoleName="nobody", AssumeRolePolicyDocument="{}")
    texts.docker("build", "--tag", f"{HOST}/texts:n", ".")
    texts.environment |= {"AWS_ACCESS_KEY_ID": texts.aws.as_role("nobody")["AWS_ACCESS_KEY_ID"]}
    said = texts.docker("push", f"{HOST}/texts:n", fails=True)
    assert "AccessDeniedException" in said
    assert "ecr:BatchCheckLayerAvailability" in said


def test_a_scan_finds_what_it_is_set_to_find(texts: Any) -> None:
    ecr, asked = boto3.client("ecr"), {"repositoryName": "texts", "imageId": {"imageTag": "1"}}
    assert ecr.describe_image_scan_findings(**asked)["imageScanFindings"]["findings"] == []
    texts.aws.registry.critical("1", "CVE-2026-1")
    texts.aws.registry.critical("1", "CVE-2026-2", "HIGH")
    found = ecr.describe_image_scan_findings(**asked)
    assert found["imageScanStatus"]["status"] == "COMPLETE"
    assert found["imageScanFindings"]["findingSeverityCounts"] == {"CRITICAL": 1, "HIGH": 1}
    assert [each["name"] for each in found["imageScanFindings"]["findings"]] == ["CVE-2026-1", "CVE-2026-2"]
    texts.aws.registry.scan_seconds = 1000
    assert ecr.describe_image_scan_findings(**asked)["imageScanStatus"]["status"] == "IN_PROGRESS"
    with pytest.raises(ClientError, match="ImageNotFoundException"):
        ecr.describe_image_scan_findings(repositoryName="texts", imageId={"imageTag": "none"})


def test_a_layer_is_taken_whole_or_not_at_all(texts: Any) -> None:
    ecr, where = boto3.client("ecr"), {"repositoryName": "texts"}
    where["uploadId"] = ecr.initiate_layer_upload(**where)["uploadId"]
    right = f"sha256:{sha256(b'abcdef').hexdigest()}"

    def refused(action: str, **more: Any) -> str:
        with pytest.raises(ClientError) as caught:
            getattr(ecr, action)(**where | more)
        return str(caught.value.response["Error"]["Code"])

    assert refused("complete_layer_upload", layerDigests=[right]) == "EmptyUploadException"
    ecr.upload_layer_part(**where, partFirstByte=0, partLastByte=2, layerPartBlob=b"abc")
    again = {"partFirstByte": 0, "partLastByte": 2, "layerPartBlob": b"abc"}
    assert refused("upload_layer_part", **again) == "InvalidLayerPartException"
    assert refused("complete_layer_upload", layerDigests=[right]) == "InvalidLayerException"
    ecr.upload_layer_part(**where, partFirstByte=3, partLastByte=5, layerPartBlob=b"def")
    ecr.complete_layer_upload(**where, layerDigests=[right])
    assert refused("complete_layer_upload", layerDigests=[right]) == "UploadNotFoundException"
    manifest = {"schemaVersion": 2, "mediaType": "m", "config": {"digest": f"sha256:{'0' * 64}"}, "layers": []}
    with pytest.raises(ClientError, match="LayersNotFoundException"):
        ecr.put_image(repositoryName="texts", imageManifest=json.dumps(manifest), imageTag="none")


@pytest.mark.slow
def test_the_projects_own_image_answers_in_emulated_lambda(texts: Any, bundle: Path) -> None:
    shutil.copytree(ROOT / "lambda", texts.folder / "lambda")
    shutil.copytree(bundle, texts.folder / "models" / "bundle")
    address = f"{HOST}/texts:ours"
    words = ("--file", "lambda/Dockerfile", "--provenance=false", "--platform", "linux/amd64", "--push")
    texts.docker("buildx", "build", "--tag", address, *words, ".")
    names = set(files(texts, "ours"))
    assert {"var/task/app.py", "var/task/smoke.py", "var/task/bundle/model.onnx"} <= names
    assert not names & {"var/task/serve.py", "var/task/requirements.txt", "tmp/lock/requirements.txt"}
    texts.functions.update_function_configuration(
        FunctionName="texts", Timeout=29, Environment={"Variables": {"POWERTOOLS_SERVICE_NAME": "texts"}}
    )
    texts.functions.update_function_code(FunctionName="texts", ImageUri=address)
    answer, told = texts.invoke({"texts": ["my card has not arrived"], "top_k": 2}, "$LATEST")
    assert "FunctionError" not in told, answer
    assert len(answer["predictions"]) == 1
    assert texts.aws.alarms.values("us-east-1", "slipway", "Texts", service="texts") == [1]
    dimensions = {"service": "texts", "function_version": "$LATEST"}
    assert texts.aws.alarms.values("us-east-1", "slipway", "Errors", **dimensions) == [0]


def test_what_is_ignored_or_missing_cannot_be_copied(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM base\nCOPY a.txt secret.txt /x/\n")
    (tmp_path / "a.txt").write_text("a")
    with pytest.raises(DockerfileError, match=r"COPY secret.txt: not found"):
        build(tmp_path / "Dockerfile", tmp_path, {})
    (tmp_path / "secret.txt").write_text("s")
    assert build(tmp_path / "Dockerfile", tmp_path, {}).files == {"/x/a.txt": b"a", "/x/secret.txt": b"s"}
    (tmp_path / ".dockerignore").write_text("*\n!*.txt\nsecret*\n")
    with pytest.raises(DockerfileError, match=r"secret.txt: not found"):
        build(tmp_path / "Dockerfile", tmp_path, {})
    (tmp_path / "Dockerfile").write_text("FROM base\nADD a.txt /x/\n")
    with pytest.raises(DockerfileError, match="unknown instruction: ADD"):
        build(tmp_path / "Dockerfile", tmp_path, {})
