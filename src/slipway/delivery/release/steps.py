"""Brings the bundle that main asks for to an environment; each step finds what an earlier run, cut off, did of it."""

import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NoReturn

from slipway.compute.sagemaker.account import Account
from slipway.delivery.image.registry import Registry
from slipway.delivery.image.tag import BUNDLE
from slipway.delivery.project import project
from slipway.delivery.release.alarms import Alarms
from slipway.delivery.release.canary import BACK, MOST_TOLD, Canary, shift
from slipway.delivery.release.function import ALIAS, Function, pause
from slipway.delivery.release.record import Brought, Deployment, Record, Rejection, rejection
from slipway.delivery.release.wanted import GATE, TAKE_ANYWAY, Wanted
from slipway.delivery.terraform.root import Root
from slipway.errors import UserError
from slipway.predictor import BundleError, questions, read_manifest, wrong_with


class Refused(UserError):  # noqa: N818  # it is one
    """The version did not prove good: whether it must not come again, the record knows."""


@dataclass(frozen=True)
class Released:
    """The version that answers in an environment now, where, and what was done for it."""

    version: str
    url: str
    done: str


@dataclass(frozen=True)
class Release:
    """One environment, and what is to answer there; `force` brings what was taken back, or is there, once more.

    In production a canary comes first; elsewhere where `canary` says so.
    """

    environment: str
    wanted: Wanted
    force: bool = False
    canary: bool = False

    def run(self) -> Released:
        """Raises Refused for a version that is not good: then the one before answers."""
        if why := self.kept_out():
            raise UserError(why)
        image = self.registry.find(self.wanted.tag)
        if image is None:
            raise UserError(
                f"{self.registry.name}:{self.wanted.tag} is missing: `slipway image serve` comes first.",
            )
        if self.canaried:
            running = self.record.active()
            brought = running and running.brought
            if running and brought and brought.tag == self.wanted.tag and not brought.rejects:
                print(f"deployment {running.id} is under way: an earlier run began it.", flush=True)
                return self._end(running, brought)
            while running is not None:
                print(f"deployment {running.id} is under way: this one waits for it.", flush=True)
                self.record.wait(running.id, pause())
                running = self.record.active()
        live = self.function.live()
        # one that was made before anything was released is taken back until something proves good
        address = self.function.address() if live else None
        there = live is not None and not live.shares and self.function.image(live.version) == image
        if live is not None and address and there and not self.force:
            return self._there(live.version, address)
        rejected = self.rejected()
        if rejected and not self.force:
            raise Refused(f"{rejected.why}. It is not released again, unless the workflow is run with `force`.")
        version = self._apply(image, opened=address is not None)
        if address is None:
            return self._open(version, image)
        assert live is not None  # without one there is no address
        if live.version == version:
            return self._there(version, address)
        self._check(version)
        if not self.canaried:
            return self._point(version, live.version, address)
        canary = Canary(self.function, self.record, self.manifest, version)
        tags = {"project": project().name, "environment": self.environment}
        canary.alarms.make(float(self.root.outputs["latency_ms"]), tags)
        brought = Brought(self.wanted.bundle, self.wanted.tag, self.wanted.commit, version, live.version)
        return self._end(canary.start(brought, self.force), brought)

    @property
    def canaried(self) -> bool:
        """Whether traffic is shifted little by little."""
        return self.canary or self.environment == "production"

    def rejected(self) -> Rejection | None:
        """What of the bundle and its image may not be released here; None where both may."""
        if not self.canaried:
            return None
        live = self.function.live()
        answering = self.function.bundle(live.version) if live is not None else None
        return rejection(self.record.deployments(), self.wanted.bundle, self.wanted.tag, answering or "")

    def kept_out(self) -> str | None:
        """Why the gate's `keep` speaks against the bundle; None where it does not, as for one that answers already."""
        if self.wanted.verdict != "keep":
            return None
        live = self.function.live()
        if live is not None and self.function.bundle(live.version) == self.wanted.bundle:
            return None
        return (
            f"{GATE} says keep: the champion stays, and this bundle is not released. A pull request that writes "
            f"`{TAKE_ANYWAY}` under `set` in params.yaml, and is labelled `train`, takes it anyway."
        )

    def due(self, image: str | None) -> bool:
        """Whether something else answers than what is wanted, whose image the registry may lack.

        Also where what answers came by a canary that nobody saw end.
        """
        live = self.function.live()
        if live is None or live.shares or image is None or self.function.address() is None:
            return True
        if self.function.image(live.version) != image:
            return True
        return self.canaried and bool(Alarms(self.function, live.version).states())

    def _apply(self, image: str, opened: bool) -> str:
        """Make the function what Terraform says; returns the version that is so."""
        told = {"image_digest": image, "open": str(opened).lower()}
        variables = [f"-var={name}={value}" for name, value in told.items()]
        self.root.run("apply", "-auto-approve", "-input=false", *self.root.files(), *variables)
        return self.function.publish(image, self.wanted.bundle)

    def _open(self, version: str, image: str) -> Released:
        """The first release: nobody can ask until it has proved good."""
        self._check(version)
        live = self.function.live()
        if live is None or live.version != version or live.shares:
            self.function.point(version)
        self._apply(image, opened=True)
        self._check(ALIAS)
        return self._done(version, self.function.address() or "", "it is the first: smoke, then an address")

    def _point(self, version: str, before: str, address: str) -> Released:
        """All at once, and back where the answers are wrong."""
        self.function.point(version)
        try:
            self._check(ALIAS)
        except Refused:
            self.function.point(before)
            raise
        return self._done(version, address, f"it answers in the place of version {before}")

    def _there(self, version: str, address: str) -> Released:
        """It answers already; where nobody saw its canary to the end, it is asked now.

        CodeDeploy looked at its alarms, and could not know whether those had anything to look at.
        """
        alarms = Alarms(self.function, version)
        brought = self.record.brought(version) if self.canaried and alarms.states() else None
        if brought is None:
            return self._done(version, address, "it answered already")
        if faults := [*alarms.ringing(), *self._wrong(ALIAS)]:
            self._take_back(alarms, brought, faults)
        return self._done(version, address, "it answered already, and now all questions to live as recorded")

    def _check(self, qualifier: str) -> None:
        """Ask all recorded predictions. Raises Refused where one does not hold."""
        if faults := self._wrong(qualifier):
            raise Refused(f"{self.function.name}:{qualifier} does not answer as recorded: {told(faults)}")

    def _wrong(self, qualifier: str) -> list[str]:
        """Which of the recorded predictions do not hold."""
        faults = self.function.smoke() if qualifier != ALIAS else []
        for start, question in questions(self.manifest):
            faults += wrong_with(self.manifest, start, question, self.function.ask(question, qualifier)[0])
        return faults

    def _take_back(self, alarms: Alarms, brought: Brought, faults: list[str]) -> NoReturn:
        ended = take_back(self.function, self.record, brought)
        if ended.status != "Succeeded":
            self._go_back(ended, brought)
        alarms.clear()
        raise Refused(f"version {brought.version} was taken back: {told(faults)}")

    def _go_back(self, ended: Deployment, brought: Brought) -> None:
        """After a deployment that did not succeed: see that the version before answers."""
        if ended.rolled_back_by:
            self.record.wait(ended.rolled_back_by, pause())
        live = self.function.live()
        # where it is neither's, a person went back to another meanwhile
        if live is not None and brought.version in (live.version, *live.shares):
            self.function.point(brought.before)

    def _end(self, started: Deployment, brought: Brought) -> Released:
        """Watch a canary to its end, and see that what answers then is what should."""
        canary = Canary(self.function, self.record, self.manifest, brought.version)
        seen = canary.watch(started)
        ended = seen.deployment
        if ended.status != "Succeeded":
            self._go_back(ended, brought)
            canary.alarms.clear()
            why = f"{ended.words}{f': {told(seen.faults)}' if seen.faults else ''}. Version {brought.before} answers."
            raise Refused(why)
        live = self.function.live()
        if live is not None and live.version != brought.version:
            canary.alarms.clear()
            raise Refused(f"version {live.version} took the place of version {brought.version} while that was watched.")
        if faults := seen.faults or canary.lacking(seen):
            self._take_back(canary.alarms, brought, faults)
        done = f"it answered {seen.answered} of the questions to {ALIAS}, and {seen.asked} of its own, as recorded"
        return self._done(brought.version, self.function.address() or "", done)

    def _done(self, version: str, address: str, done: str) -> Released:
        if self.canaried:
            Alarms(self.function, version).clear()
        # for everybody, where Terraform has made one
        return Released(version, self.root.outputs.get("public_url") or address, done)

    @cached_property
    def manifest(self) -> dict[str, Any]:
        """The bundle's. Raises UserError where it is not here."""
        try:
            found = read_manifest(Path(BUNDLE))
        except BundleError as error:
            raise UserError(f"{error} `dvc pull {BUNDLE}` fetches it.") from error
        if found["digest"] != self.wanted.bundle:
            raise UserError(f"{BUNDLE} is not the bundle that reports/gate.json names: `dvc checkout {BUNDLE}`.")
        return found

    @cached_property
    def account(self) -> Account:
        """Where all lies."""
        return Account(project().region)

    @cached_property
    def function(self) -> Function:
        """What answers."""
        return Function(f"{project().name}-{self.environment}", self.account)

    @cached_property
    def record(self) -> Record:
        """What was released before."""
        return Record(f"{project().name}-{self.environment}", self.account)

    @cached_property
    def registry(self) -> Registry:
        """Where images are."""
        return Registry(self.account, f"{project().name}-serve")

    @cached_property
    def root(self) -> Root:
        """What Terraform makes, its state open."""
        root = Root("serving", self.environment)
        root.init()
        return root


def take_back(function: Function, record: Record, brought: Brought) -> Deployment:
    """Let the version before answer again, at once, and have it on record why."""
    was = next((each for each in reversed(record.succeeded()) if each.version == brought.before), None)
    back = Brought(
        bundle=function.bundle(brought.before) or "",
        tag=was.tag if was else "",
        version=brought.before,
        before=brought.version,
        rejects=brought.bundle,
        rejects_tag=brought.tag,
    )
    started = shift(record, back, [], BACK)
    return record.wait(started.id, pause())


def told(faults: list[str]) -> str:
    """The first of them, in a line."""
    more = f"; and {len(faults) - MOST_TOLD} more" if len(faults) > MOST_TOLD else ""
    return "; ".join(faults[:MOST_TOLD]) + more


def forced() -> bool:
    """Whether a person asked for what was taken back."""
    return os.environ.get("FORCE") == "yes"


def canary_asked() -> bool:
    """Whether a person asked for a canary outside of production, too."""
    return os.environ.get("CANARY") == "yes"
