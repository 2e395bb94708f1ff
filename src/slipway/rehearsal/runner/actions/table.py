"""The actions that have an equivalent here, and the inputs that each knows."""

from slipway.rehearsal.runner.actions import Action
from slipway.rehearsal.runner.actions.artifacts import download, upload
from slipway.rehearsal.runner.actions.attest import attest, describe
from slipway.rehearsal.runner.actions.cache import cache, restore, save
from slipway.rehearsal.runner.actions.checkout import checkout
from slipway.rehearsal.runner.actions.credentials import configure
from slipway.rehearsal.runner.actions.docker import build, builder, log_in
from slipway.rehearsal.runner.actions.tools import project, python, terraform, uv


def _inputs(words: str) -> frozenset[str]:
    return frozenset(words.split())


TABLE = {
    "./.github/actions/setup": Action(project, None),
    "actions/attest-build-provenance": Action(attest, _inputs("subject-name subject-digest push-to-registry")),
    "actions/cache": Action(cache, _inputs("path key restore-keys")),
    "actions/cache/restore": Action(restore, _inputs("path key restore-keys fail-on-cache-miss")),
    "actions/cache/save": Action(save, _inputs("path key")),
    "actions/checkout": Action(checkout, _inputs("ref fetch-depth fetch-tags persist-credentials path")),
    "actions/download-artifact": Action(download, _inputs("name path pattern merge-multiple")),
    "actions/setup-python": Action(python, _inputs("python-version python-version-file cache")),
    "actions/upload-artifact": Action(
        upload, _inputs("name path if-no-files-found retention-days compression-level overwrite include-hidden-files")
    ),
    "anchore/sbom-action": Action(describe, _inputs("image path format output-file upload-artifact artifact-name")),
    "astral-sh/setup-uv": Action(uv, _inputs("version enable-cache cache-dependency-glob")),
    "aws-actions/amazon-ecr-login": Action(log_in, _inputs("mask-password registries")),
    "aws-actions/configure-aws-credentials": Action(
        configure,
        _inputs(
            "role-to-assume aws-region audience role-session-name role-duration-seconds mask-aws-account-id "
            "allowed-account-ids"
        ),
    ),
    "docker/build-push-action": Action(
        build, _inputs("context file push load tags build-args platforms provenance sbom labels target")
    ),
    "docker/setup-buildx-action": Action(builder, _inputs("")),
    "hashicorp/setup-terraform": Action(terraform, _inputs("terraform_version terraform_wrapper")),
}
