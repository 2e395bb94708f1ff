"""Asserts one thing after another in a real account and a real repository, cleans up, and leaves a record."""

import shutil
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError

from slipway.compute.sagemaker.account import Account
from slipway.compute.sagemaker.words import code, in_words
from slipway.delivery.acceptance.cost import LIMIT_USD, OTHER_USD, cheapest, most_usd
from slipway.delivery.acceptance.record import Assertion, Record, masked
from slipway.delivery.acceptance.serving import Serving, git, made_before
from slipway.delivery.acceptance.site import Site
from slipway.delivery.acceptance.training import EVENT, Training, stamp
from slipway.delivery.acceptance.trust import check_trust
from slipway.delivery.project import project
from slipway.delivery.release.function import Function
from slipway.delivery.release.record import Record as Releases
from slipway.delivery.repository.gh import Body
from slipway.delivery.repository.needs import Needs
from slipway.delivery.terraform.root import Root
from slipway.errors import UserError

TOOLS = {
    "docker": "https://docs.docker.com/engine/install",
    "gh": "https://cli.github.com",
    "git": "https://git-scm.com",
}


@dataclass
class Story:
    """What was asserted so far, and what must be cleaned up."""

    record: Record
    stack: ExitStack = field(default_factory=ExitStack)

    def asserts(self, name: str, look: Callable[[], list[str]]) -> None:
        """An assertion, which holds where `look` returns its evidence; else what that raises is raised."""
        print(f"... {name}", flush=True)
        began = time.monotonic()
        try:
            evidence = look()
        except BaseException as error:
            self._tell(name, False, began, [str(error) or type(error).__name__])
            raise
        self._tell(name, True, began, evidence)

    def _tell(self, name: str, held: bool, began: float, evidence: list[str]) -> None:
        each = Assertion(name, held, round(time.monotonic() - began, 1), tuple(evidence))
        self.record.assertions.append(each)
        print(f"{'yes' if held else 'NO '} {name} ({each.seconds:.0f} s)", flush=True)
        for line in evidence:
            print(masked(f"      {line}"), flush=True)

    def afterwards(self, what: str, do: Callable[[], str]) -> None:
        """Do something at the end, whatever happens; the last first."""

        def tidy() -> None:
            try:
                done = do()
            except (UserError, ClientError, BotoCoreError, OSError) as error:
                self.record.left.append(f"{what}: {error}")
                print(masked(f"NOT cleaned up: {what}: {error}"), flush=True)
            else:
                self.record.cleaned.append(done)
                print(masked(f"cleaned up: {done}"), flush=True)

        self.stack.callback(tidy)


@dataclass(frozen=True)
class Acceptance:
    """What is played, by whom, where."""

    site: Site
    account: Account
    repository: Body
    environment: str
    kind: str
    most_usd: float

    @property
    def name(self) -> str:
        """What a person types to go on."""
        return f"{self.site.needs.repository} {self.environment}"

    def play(self) -> Record:
        """All of it. Raises nothing but what ends the program: what did not hold is in the record."""
        began, moment = datetime.now(UTC), stamp()
        record = Record(
            began=f"{began:%Y-%m-%dT%H:%M:%SZ}",
            repository=self.site.needs.repository,
            commit=self.site.tip(),
            region=project().region,
            environment=self.environment,
            instance_type=self.kind,
            limit_usd=LIMIT_USD,
            most_usd=round(self.most_usd, 2),
        )
        story = Story(record)
        try:
            with story.stack:
                self._tell(story, moment)
                record.whole = True
        except (UserError, ClientError, BotoCoreError) as error:
            print(masked(f"It ends here: {error}"), flush=True)
        finally:
            print(f"{record.write()} is the record.", flush=True)
        return record

    def _tell(self, story: Story, moment: str) -> None:
        story.asserts(
            "AWS trusts GitHub's jobs as bootstrap says, and no person", lambda: check_trust(self.site, self.account)
        )
        training = self._training(story, moment)
        story.asserts("a job of a branch gets the role train", training.may_train)
        story.asserts("a job of a branch gets no role of staging", training.may_not_deploy)
        story.asserts("the end of the training arrives at GitHub as an event", training.event_arrives)
        story.record.training_usd = training.usd()
        story.asserts("the pull request has one report", training.is_reported_once)
        serving = self._serving(story)
        story.asserts("a first version answers", lambda: serving.release_first(training.experiment, training.head()))
        story.asserts("a version whose alarm rings goes back by itself", lambda: serving.is_taken_back(moment))
        story.asserts("a canary shifts the traffic", serving.shifts)
        story.asserts("the address answers who may ask, and nobody else", serving.lets_in_who_may)

    def _training(self, story: Story, moment: str) -> Training:
        before = frozenset(each["id"] for each in self.site.runs("report.yml", event=EVENT))
        training = Training(self.site, self.account, moment, self.kind, before)
        for branch in (training.branch, training.experiment):
            story.afterwards(f"the branch {branch}", lambda branch=branch: training.delete(branch))  # type: ignore[misc]
        story.afterwards(f"the pull request of {training.experiment}", training.close)
        story.afterwards(f"the job of {training.experiment}", training.stop)
        story.afterwards(f"what runs on {training.branch}", training.settle)
        return training

    def _serving(self, story: Story) -> Serving:
        folder = Path(tempfile.mkdtemp(prefix="slipway-acceptance-"))
        story.afterwards(f"the folder {folder}", lambda: remove(folder))
        function = Function(f"{project().name}-{self.environment}", self.account)
        checkout = folder / "checkout"
        packages = f"{checkout / 'src'}:{checkout / 'lambda'}"
        remote = "SLIPWAY_DVC_REMOTE"
        given = {remote: self.site.needs.variables[remote], "PYTHONPATH": packages}
        serving = Serving(self.environment, function, Releases(function.name, self.account), checkout, given)
        made, live = made_before(self.environment), function.live()
        story.afterwards(f"the checkout in {checkout}", serving.leave)
        if not made:
            story.afterwards(f"terraform/serving of {self.environment}", serving.destroy)
        elif live is not None:
            story.afterwards(f"version {live.version} of {function.name}", lambda: serving.go_back(live.version))
        story.afterwards(f"the alarms {function.name}-v*", serving.clear_alarms)
        story.afterwards(f"what is deployed to {function.name}", serving.end_release)
        return serving


def prepare(environment: str) -> Acceptance:
    """What can be played here. Raises UserError where something is missing, or it may cost too much."""
    if environment != "staging":
        raise UserError(f"ENV={environment}: it is played in staging alone, and production is left as it is.")
    for tool, place in TOOLS.items():
        if shutil.which(tool) is None:
            raise UserError(f"{tool} is missing: {place}.")
    bootstrap = Root("bootstrap")
    bootstrap.init()
    needs = Needs(**bootstrap.outputs["github"])
    site, account = Site(needs), Account(project().region)
    repository = site.get()
    if repository is None or not repository.get("permissions", {}).get("push"):
        raise UserError(f"gh's login may not write to {needs.repository}: `gh auth login` as someone who may.")
    tip = site.tip()
    if git("rev-parse", "HEAD") != tip or git("status", "--porcelain", "--untracked-files=no"):
        raise UserError(f"this is not {needs.branch} as GitHub has it ({tip[:12]}): `git checkout` and `git pull` it.")
    kind = cheapest()
    most = most_usd(kind)
    with in_words("STS"):
        there = account.client("sts").get_caller_identity()["Account"]
    if there != needs.variables["AWS_ACCOUNT_ID"]:
        raise UserError("the AWS credentials are of another account than bootstrap's: set AWS_PROFILE.")
    check_events(account)
    return Acceptance(site, account, repository, environment, kind, most)


def check_events(account: Account) -> None:
    """Raise UserError where AWS has no way to tell GitHub of a training's end."""
    with in_words("EventBridge"):
        try:
            account.client("events").describe_connection(Name=f"{project().name}-github")
        except ClientError as error:
            if code(error) != "ResourceNotFoundException":
                raise
            raise UserError(
                "AWS does not tell GitHub when a training ends: set `github_events` in "
                "terraform/platform/terraform.tfvars, as docs/infrastructure.md says."
            ) from error


def plan(acceptance: Acceptance) -> str:
    """What will happen, for whoever is asked."""
    return "\n".join(
        [
            f"In {acceptance.site.needs.repository} and its AWS account, region {project().region}:",
            "  - checks the trust of all roles; runs train.yml, deploy.yml and report.yml from a branch of its own",
            f"  - trains main's order once on {acceptance.kind}, and waits for its report on a pull request",
            f"  - releases that model to {acceptance.environment} twice, and lets an alarm ring in between",
            "  - removes what it made: pull request, branches, alarms, and the environment where there was none",
            "  - leaves two images and the model's files, some cents a month, where such are kept",
            f"It costs at most ${acceptance.most_usd:.2f}, ${OTHER_USD:.2f} of it for all but the training, and most",
            f"likely some cents; the limit is ${LIMIT_USD:.2f}. It takes an hour or so. GitHub may bill minutes.",
        ]
    )


def remove(folder: Path) -> str:
    """Remove a folder with the log of what ran."""
    shutil.rmtree(folder, ignore_errors=True)
    return "removed the folder of the checkout"
