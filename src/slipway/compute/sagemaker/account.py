"""The AWS account that trains: credentials and region, as boto3 finds them."""

import os
from functools import cached_property
from typing import Any

import boto3
from botocore.config import Config

from slipway.compute.sagemaker.words import CREDENTIALS, in_words
from slipway.errors import UserError

# a call that fails for a reason that passes is tried again, after waits with jitter, and not for ever
RETRIES = {"mode": "standard", "total_max_attempts": 8}


class Account:
    """Makes clients; `region` None is what AWS's own settings say."""

    def __init__(self, region: str | None) -> None:
        self.region = region
        self._clients: dict[str, Any] = {}

    @cached_property
    def session(self) -> boto3.Session:
        """What signs requests. Raises UserError without credentials or a region."""
        with in_words("AWS"):
            session = boto3.Session(region_name=self.region)
            if session.region_name is None:
                raise UserError("no AWS region: set compute.region, or AWS_DEFAULT_REGION.")
            if session.get_credentials() is None:
                raise UserError(f"no AWS credentials. {CREDENTIALS}")
            return session

    @property
    def where(self) -> dict[str, Any]:
        """How resources of sagemaker.core are told."""
        return {"session": self.session, "region": self.session.region_name}

    def client(self, service: str) -> Any:
        """A client of boto3."""
        if service not in self._clients:
            retries = None if "AWS_MAX_ATTEMPTS" in os.environ else RETRIES  # as botocore reads it
            config = Config(retries=retries, connect_timeout=10, read_timeout=60)
            self._clients[service] = self.session.client(service, config=config)
        return self._clients[service]

    def forget(self) -> None:
        """Look for credentials anew: another process may have renewed them."""
        self._clients.clear()
        del self.session
