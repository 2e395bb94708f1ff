"""Terraform and its provider, where this machine has them."""

import os
import shutil

import pytest

from slipway.rehearsal.terraform import mirror


@pytest.fixture(scope="session")
def provider() -> str:
    """The folder of a mirror that holds AWS's provider; skips where there is none, or no Terraform."""
    found = mirror()
    if not (os.environ.get("TERRAFORM_BIN") or shutil.which("terraform")) or found is None:
        pytest.skip("no Terraform, or no mirror of its AWS provider: TERRAFORM_BIN and TF_PLUGIN_MIRROR name them")
    return found
