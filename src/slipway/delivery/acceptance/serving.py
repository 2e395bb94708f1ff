"""Two releases to the environment by who runs this: the first, and one that a canary takes back and then lets through.

They happen in a checkout of the pull request's commit, which is not this one.
"""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import requests
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest

from slipway.compute.sagemaker.words import in_words
from slipway.delivery.acceptance.record import Broken
from slipway.delivery.image.tag import sources
from slipway.delivery.release.alarms import Alarms
from slipway.delivery.release.canary import stop
from slipway.delivery.release.function import Function, Live, pause
from slipway.delivery.release.record import Record, Rejection, rejection
from slipway.delivery.release.wanted import Wanted, needed
from slipway.delivery.terraform.contents import resources
from slipway.delivery.terraform.root import Root
from slipway.errors import UserError

LAST = 15  # lines of what failed
REASON = "slipway acceptance: this release must go back"


@dataclass(frozen=True)
class Serving:
    """An environment, and the checkout in `folder` that is released to it; `given` are variables of its commands."""

    environment: str
    function: Function
    record: Record
    folder: Path
    given: dict[str, str]

    def release_first(self, branch: str, sha: str) -> list[str]:
        """Make the checkout, and let its model answer, whatever did before. Raises Broken where the release fails."""
        git("fetch", "--quiet", "origin", branch)
        git("worktree", "add", "--quiet", "--detach", str(self.folder), sha)
        self.must("slipway", "connect")
        self.must("dvc", "pull", "models/bundle")
        self.must("slipway", "image", "serve")
        self.must(*self.release)
        return [f"version {self.settled().version} of {self.function.name}, bundle {self.wanted().bundle[:16]}"]

    def is_taken_back(self, stamp: str) -> list[str]:
        """Another image gets traffic, an alarm rings, and the version before answers; it is on record, and refused.

        Raises Broken otherwise.
        """
        before = self.settled().version
        with self.inside():
            changed = next(name for name in sources() if name.endswith(".py"))
            text = Path(changed).read_text(encoding="utf-8")
            Path(changed).write_text(f"{text}# acceptance {stamp}\n", encoding="utf-8")
        self.must("slipway", "image", "serve")
        seen: list[Live] = []

        def ring() -> None:
            live = self.function.live()
            if live is not None and live.shares:
                seen.append(live)
                # each time: with the next measurement it is content again
                self.ring(next(iter(live.shares)))

        status, text = self.go(self.release, {"CANARY": "yes"}, ring)
        if status != 1 or not seen:
            raise Broken(f"the release was not taken back ({status}):\n{text}")
        version, share = next(iter(seen[0].shares.items()))
        if (back := self.settled().version) != before:
            raise Broken(f"version {back} answers after the roll-back, not {before}.")
        rejected = self.rejected()
        if rejected is None:
            raise Broken("what was taken back is not on record as rejected.")
        status, text = self.go(self.release, {"CANARY": "yes"})
        if status != 1 or "not released again" not in text:
            raise Broken(f"what was rejected is not refused ({status}):\n{text}")
        return [
            f"version {version} had {share:.0%} of the traffic when {self.alarm(version)} rang",
            f"version {before} answers again",
            f"on record: {rejected.why}",
            "released again without force: refused",
        ]

    def shifts(self) -> list[str]:
        """The same, forced and with no alarm: a canary, then all traffic. Raises Broken otherwise."""
        before = self.settled().version
        shares: dict[str, float] = {}

        def look() -> None:
            live = self.function.live()
            shares.update(live.shares if live is not None else {})

        status, text = self.go(self.release, {"CANARY": "yes", "FORCE": "yes"}, look)
        now = self.settled().version
        if status or now == before or now not in shares:
            raise Broken(f"no canary shifted to another version ({status}, version {now}, before {before}):\n{text}")
        if (rejected := self.rejected()) is not None:
            raise Broken(f"a canary that held did not clear the record: {rejected.why}")
        last = self.record.deployments()[-1]
        if last.status != "Succeeded" or last.brought is None or last.brought.version != now:
            raise Broken(f"CodeDeploy has no deployment of version {now} on record: {last.words}")
        return [
            f"version {now} had {shares[now]:.0%} of the traffic, then all, in the place of version {before}",
            f"deployment {last.id}: {last.status}",
        ]

    def lets_in_who_may(self) -> list[str]:
        """The address answers who signs, and nobody else; there is no other address. Raises Broken otherwise."""
        address = self.function.address()
        if address is None:
            raise Broken(f"{self.function.name} has no address.")
        page = f"{address}metadata"
        unsigned = requests.get(page, timeout=60)
        if unsigned.status_code != 403:
            raise Broken(f"the address answers {unsigned.status_code} to a request without a signature, not 403.")
        signed = self.get(page)
        if signed.status_code != 200 or signed.json().get("digest") != self.wanted().bundle:
            raise Broken(f"the address answers {signed.status_code} to a signed request: {signed.text[:200]}")
        return [
            "GET /metadata without a signature: 403",
            f"signed (SigV4): 200, bundle {self.wanted().bundle[:16]}",
            self.gateway(),
        ]

    def get(self, page: str) -> requests.Response:
        """Ask with a signature of whoever runs this."""
        session = self.function.account.session
        credentials = session.get_credentials()
        assert credentials is not None  # AWS was asked before
        request = AWSRequest("GET", page)
        SigV4Auth(credentials.get_frozen_credentials(), "lambda", session.region_name).add_auth(request)
        return requests.get(page, headers=dict(request.headers.items()), timeout=60)

    def gateway(self) -> str:
        """That API Gateway is there where `public` says so, and nowhere else. Raises Broken otherwise."""
        with in_words("API Gateway"):
            pages = self.function.account.client("apigatewayv2").get_paginator("get_apis").paginate()
            names = [each["Name"] for page in pages for each in page["Items"]]
        with self.inside():
            public = bool(Root("serving", self.environment).outputs.get("public_url"))
        if (self.function.name in names) != public:
            raise Broken(f"API Gateway has {names}, and `public` of {self.environment} is {public}.")
        return (
            "API Gateway has an address, as `public` asks" if public else "API Gateway has none, as `public` is false"
        )

    @property
    def release(self) -> tuple[str, ...]:
        """What a workflow runs to release."""
        return ("slipway", "release", self.environment)

    def settled(self) -> Live:
        """What answers all. Raises Broken where nothing does, or two versions."""
        live = self.function.live()
        if live is None or live.shares:
            raise Broken(f"{self.function.name} answers with {live}, not with one version.")
        return live

    def wanted(self) -> Wanted:
        """What the checkout asks for."""
        with self.inside():
            return needed()

    def rejected(self) -> Rejection | None:
        """What of it CodeDeploy's record is against; None where of nothing."""
        wanted = self.wanted()
        answering = self.function.bundle(self.settled().version)
        return rejection(self.record.deployments(), wanted.bundle, wanted.tag, answering or "")

    def alarm(self, version: str) -> str:
        """The version's own."""
        return f"{self.function.name}-v{version}-errors"

    def ring(self, version: str) -> None:
        """Let an alarm ring that has no reason to."""
        with in_words(self.alarm(version)):
            self.function.account.client("cloudwatch").set_alarm_state(
                AlarmName=self.alarm(version), StateValue="ALARM", StateReason=REASON
            )

    # afterwards

    def end_release(self) -> str:
        """Stop what a release left under way."""
        running = self.record.active()
        if running is None:
            return "no deployment was under way"
        stop(self.record, running.id)
        ended = self.record.wait(running.id, pause())
        if ended.rolled_back_by:
            self.record.wait(ended.rolled_back_by, pause())
        return f"stopped deployment {running.id}"

    def clear_alarms(self) -> str:
        """Delete the alarms of versions."""
        Alarms(self.function, "").clear()
        return f"deleted the alarms {self.function.name}-v*"

    def go_back(self, version: str) -> str:
        """Let the version answer that did before all this."""
        self.function.point(version)
        return f"version {version} of {self.function.name} answers again, as before"

    def destroy(self) -> str:
        """Remove all that Terraform made of the environment."""
        module = ("python", "-m", "slipway.delivery.terraform")
        # Terraform asks for each variable's value, though none is looked at
        told = {"CONFIRM": self.environment, "TF_VAR_image_digest": f"sha256:{'0' * 64}"}
        self.must(*module, "destroy", "serving", self.environment, **told)
        return f"destroyed terraform/serving of {self.environment}"

    def leave(self) -> str:
        """Remove the checkout."""
        git("worktree", "remove", "--force", str(self.folder))
        return "removed the checkout"

    # how

    @contextmanager
    def inside(self) -> Iterator[None]:
        """The checkout is the working folder, as long as the block lasts."""
        here = Path.cwd()
        os.chdir(self.folder)
        try:
            yield
        finally:
            os.chdir(here)

    def must(self, *words: str, **more: str) -> None:
        """Run a command in the checkout. Raises Broken where it fails."""
        status, text = self.go(words, more)
        if status:
            raise Broken(f"{' '.join(words)} failed ({status}):\n{text}")

    def go(
        self, words: Sequence[str], more: Mapping[str, str], meanwhile: Callable[[], None] = lambda: None
    ) -> tuple[int, str]:
        """Status and last lines of a command in the checkout, by this Python; `meanwhile` is called as it runs."""
        program = {
            "slipway": ("-m", "slipway"),
            "dvc": ("-m", "dvc"),
            "python": (),
        }[words[0]]
        log = self.folder.with_suffix(".log")
        with log.open("ab") as file:
            begins = file.tell()
            process = subprocess.Popen(
                [sys.executable, *program, *words[1:]],
                cwd=self.folder,
                env={**os.environ, **self.given, **more},
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
            )
            try:
                while True:
                    try:
                        status = process.wait(pause())
                        break
                    except subprocess.TimeoutExpired:
                        meanwhile()
            except BaseException:
                process.terminate()
                process.wait()
                raise
        said = log.read_bytes()[begins:].decode("utf-8", "replace").splitlines()
        return status, "\n".join(line for line in said[-LAST:] if line.strip())


def made_before(environment: str) -> bool:
    """Whether terraform/serving has made something of an environment."""
    root = Root("serving", environment)
    root.init()
    return bool(list(resources(root.ask("state", "pull") or {"resources": []})))


def git(*words: str) -> str:
    """What git in this clone prints. Raises UserError where it fails."""
    done = subprocess.run(["git", *words], capture_output=True, text=True, check=False)
    if done.returncode:
        raise UserError(f"git {' '.join(words)} failed: {done.stderr.strip()}")
    return done.stdout.strip()
