"""Terraform and its provider, where this machine has them."""

import pytest

from slipway.delivery.terraform import binary
from slipway.errors import UserError
from slipway.rehearsal.terraform import mirror


@pytest.fixture(scope="session")
def provider() -> str:
    """The folder of a mirror that holds AWS's provider; skips where there is none, or no Terraform."""
    found = mirror()
    try:
        binary()
    except UserError as error:
        pytest.skip(str(error))
    if found is None:
        pytest.skip("no mirror of Terraform's AWS provider: TF_PLUGIN_MIRROR names one")
    return found
