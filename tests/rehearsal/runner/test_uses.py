"""What stands for actions behaves as they are documented to."""

import json
from pathlib import Path

import pytest

from slipway.rehearsal.docker.client import install
from slipway.rehearsal.runner.step import check

ROOT = Path(__file__).resolve().parents[3]
ROLE = "arn:aws:iam::123456789012:role/texts-staging"
NOT_REPLAYED = "security.yml"  # GitHub's own scanners
SETUP = {".github/actions/setup/action.yml": "inputs: {extras: {}}\nruns: {using: composite, steps: []}\n"}


@pytest.mark.parametrize(
    "file", [path for path in sorted((ROOT / ".github/workflows").glob("*.yml")) if path.name != NOT_REPLAYED], ids=str
)
def test_every_action_and_input_of_the_projects_workflows_has_an_equivalent(language, file):
    workflow = language.parse(file.name, file.read_text())
    for key, job in workflow["jobs"].items():
        check(job["steps"], f"{file.name}, job {key}")


def outcomes(run, job="a"):
    return {step.step: step.outcome for step in run.job(job).steps}


def logs(run, job="a"):
    return {step.step: step.log.strip() for step in run.job(job).steps}


def test_a_checkout_is_a_clone_of_the_events_commit_that_may_do_what_the_token_may(play, hub):
    hub.commit({"README": "one\n"})
    hub.commit({"README": "two\n"}, branch="other")
    run = play("""
        on: push
        jobs:
          a:
            runs-on: x
            permissions: {contents: write}
            steps:
              - uses: actions/checkout@v7
              - name: where
                run: &where git rev-parse HEAD; git branch --show-current; git rev-list --count HEAD; cat README
              - {name: other, uses: actions/checkout@v7, with: {ref: other, path: sub, fetch-depth: 0}}
              - {name: there, working-directory: sub, run: *where}
              - name: push
                run: |
                  git config user.name x; git config user.email x@example.com
                  git commit --quiet --allow-empty -m x; git push --quiet origin HEAD:pushed
          b:
            runs-on: x
            permissions: {contents: read}
            steps:
              - uses: actions/checkout@v7
              - {name: fetch, run: git fetch --quiet origin other}
              - {name: push, run: 'GIT_TERMINAL_PROMPT=0 git push --quiet origin HEAD:refused', continue-on-error: true}
          c:
            runs-on: x
            permissions: {contents: write}
            steps:
              - {uses: actions/checkout@v7, with: {persist-credentials: false}}
              - {name: push, run: 'GIT_TERMINAL_PROMPT=0 git push --quiet origin HEAD:refused', continue-on-error: true}
          d:
            runs-on: x
            permissions: {}
            steps:
              - {name: out, uses: actions/checkout@v7}
        """)
    commit = run.sha
    assert logs(run)["where"].split() == [commit, "main", "1", "one"]
    assert logs(run)["there"].split()[1:] == ["other", "2", "two"]
    assert outcomes(run)["push"] == "success"
    assert outcomes(run, "b")["fetch"] == "success"
    assert [outcomes(run, job)["push"] for job in "bc"] == ["failure", "failure"]
    assert "lacks `contents: read`" in logs(run, "d")["out"]
    refs = (hub.repository_path / "refs/heads").iterdir()
    assert sorted(path.name for path in refs) == ["main", "other", "pushed"]


def test_a_proposals_checkout_is_its_merge(hub, runner):
    hub.push({".github/workflows/play.yml": """
        on: pull_request
        jobs:
          a:
            runs-on: x
            steps:
              - uses: actions/checkout@v7
              - {name: merge, run: 'git rev-parse HEAD; git symbolic-ref -q HEAD || echo detached'}
              - {uses: actions/checkout@v7, with: {ref: '${{ github.event.pull_request.head.sha }}'}}
              - {name: head, run: git rev-parse HEAD}
        """})  # fmt: skip
    event = hub.propose({"x": "1"})
    run = runner.run("play.yml", event)
    assert logs(run)["merge"].split() == [run.sha, "detached"]
    assert logs(run)["head"] == event.payload["pull_request"]["head"]["sha"]


def test_the_setup_action_needs_a_checkout_and_brings_its_code(play):
    run = play("""
        on: push
        jobs:
          a:
            runs-on: x
            steps:
              - {name: early, uses: ./.github/actions/setup, continue-on-error: true}
              - uses: actions/checkout@v7
              - {name: unknown, uses: ./.github/actions/setup, with: {size: 1}, continue-on-error: true}
              - {uses: ./.github/actions/setup, with: {extras: aws}}
              - {name: tools, run: 'command -v pytest; python -c "import slipway as ours; print(ours.__file__)"'}
        """, **SETUP, **{"src/slipway/__init__.py": ""})  # fmt: skip
    assert "Did you forget to run actions/checkout" in logs(run)["early"]
    assert "Unexpected input(s) size" in logs(run)["unknown"]
    file = logs(run)["tools"].splitlines()[1]
    assert file.endswith("/work/texts/texts/src/slipway/__init__.py")


CREDENTIALS = f"""
    on: [push, pull_request]
    permissions: {{id-token: write}}
    jobs:
      a:
        runs-on: x
        environment: staging
        steps:
          - id: aws
            uses: aws-actions/configure-aws-credentials@v6
            with: {{aws-region: us-east-1, role-to-assume: '{ROLE}'}}
          - name: use
            env: {{ACCOUNT: '${{{{ steps.aws.outputs.aws-account-id }}}}'}}
            run: echo $AWS_ACCESS_KEY_ID $AWS_REGION ${{#AWS_SECRET_ACCESS_KEY}} $ACCOUNT
      b:
        runs-on: x
        steps:
          - name: no environment
            uses: aws-actions/configure-aws-credentials@v6
            with: {{aws-region: us-east-1, role-to-assume: '{ROLE}'}}
      c:
        runs-on: x
        environment: staging
        permissions: {{contents: read}}
        steps:
          - name: no permission
            uses: aws-actions/configure-aws-credentials@v6
            with: {{aws-region: us-east-1, role-to-assume: '{ROLE}'}}
    """


def test_credentials_are_for_the_jobs_whose_token_the_role_trusts(play, account):
    run = play(CREDENTIALS)
    assert logs(run)["use"] == "*** us-east-1 13 123456789012"
    assert "Not authorized to perform sts:AssumeRoleWithWebIdentity" in logs(run, "b")["no environment"]
    assert "`permissions: id-token: write`" in logs(run, "c")["no permission"]
    [claims] = [each for each in account.claims if "environment" in each]
    expected = {
        "sub": "repo:acme/texts:environment:staging", "aud": "sts.amazonaws.com", "environment": "staging",
        "repository": "acme/texts", "repository_id": "202", "repository_owner_id": "101", "ref": "refs/heads/main",
        "event_name": "push", "actor": "octocat", "workflow": ".github/workflows/play.yml",
        "iss": "https://token.actions.githubusercontent.com",
    }  # fmt: skip
    assert {key: claims[key] for key in expected} == expected
    [other] = [each for each in account.claims if "environment" not in each]
    assert other["sub"] == "repo:acme/texts:ref:refs/heads/main"


def test_subjects_of_proposals_and_of_new_repositories(hub, runner, account):
    hub.push({".github/workflows/play.yml": CREDENTIALS})
    runner.subject_with_ids = True
    runner.run("play.yml", hub.propose({"x": "1"}))
    assert {each["sub"] for each in account.claims} == {
        "repo:acme@101/texts@202:environment:staging",
        "repo:acme@101/texts@202:pull_request",
    }
    account.claims.clear()
    fork = runner.run("play.yml", hub.propose({"x": "2"}, fork=True, number=8))
    assert {job.result for job in fork.jobs} == {"failure"}
    assert account.claims == []


def test_artifacts_go_from_job_to_job_once_by_name(play):
    run = play("""
        on: push
        jobs:
          a:
            runs-on: x
            steps:
              - run: mkdir -p out/sub out/.hidden; touch out/one out/sub/two out/.hidden/three top
              - {uses: actions/upload-artifact@v7, with: {name: folder, path: out}}
              - name: again
                continue-on-error: true
                uses: actions/upload-artifact@v7
                with: {name: folder, path: out}
              - {uses: actions/upload-artifact@v7, with: {name: file, path: out/sub/two}}
              - {uses: actions/upload-artifact@v7, with: {name: many, path: "out/**/t*\\ntop\\n!**/nothing"}}
              - {name: none, uses: actions/upload-artifact@v7, with: {name: none, path: nothing}}
              - name: must
                continue-on-error: true
                uses: actions/upload-artifact@v7
                with: {path: nothing, if-no-files-found: error}
              - {uses: actions/upload-artifact@v7, with: {name: all, path: out, include-hidden-files: true}}
          b:
            needs: a
            runs-on: x
            steps:
              - {uses: actions/download-artifact@v8, with: {name: folder, path: here}}
              - {name: missing, uses: actions/download-artifact@v8, with: {name: none}, continue-on-error: true}
              - {uses: actions/download-artifact@v8, with: {path: every}}
              - {uses: actions/download-artifact@v8, with: {pattern: f*, merge-multiple: true, path: merged}}
              - {name: found, run: 'find * -type f | sort'}
        """)
    assert "(409) Conflict" in logs(run)["again"]
    assert outcomes(run)["again"] == outcomes(run)["must"] == "failure"
    assert logs(run)["none"].startswith("::warning::No files were found")
    assert "Artifact not found for name: none" in logs(run, "b")["missing"]
    assert logs(run, "b")["found"].split() == [
        "every/all/.hidden/three", "every/all/one", "every/all/sub/two", "every/file/two", "every/folder/one",
        "every/folder/sub/two", "every/many/out/sub/two", "every/many/top", "here/one", "here/sub/two", "merged/one",
        "merged/sub/two", "merged/two",
    ]  # fmt: skip


CACHE = """
    on: push
    jobs:
      a:
        runs-on: x
        steps:
          - id: cache
            uses: actions/cache@v5
            with: {{path: ~/kept, key: '{key}', restore-keys: 'kept-'}}
          - {{name: say, run: 'echo [${{{{ steps.cache.outputs.cache-hit }}}}] $(cat ~/kept/word 2> /dev/null)'}}
          - {{run: 'mkdir -p ~/kept; echo {key} > ~/kept/word; exit {code}'}}
    """


def test_a_cache_is_kept_by_a_success_and_found_by_key_or_beginning(play):
    found = {
        name: logs(play(CACHE.format(key=key, code=code)))["say"]
        for name, key, code in (
            ("first", "kept-1", 1), ("after a failure", "kept-1", 0), ("same", "kept-1", 0), ("newer", "kept-2", 0),
        )
    }  # fmt: skip
    assert found == {"first": "[]", "after a failure": "[]", "same": "[true] kept-1", "newer": "[false] kept-1"}


def test_tools_are_put_on_path_and_what_is_not_replayed_fails(play):
    run = play("""
        on: push
        jobs:
          a:
            runs-on: x
            steps:
              - {uses: actions/setup-python@v7, with: {python-version: '3.11'}}
              - {name: python, run: python -c 'import pytest'}
              - {name: wrapped, uses: hashicorp/setup-terraform@v4}
        """)
    assert outcomes(run)["python"] == "success"
    assert "say `terraform_wrapper: false`" in logs(run)["wrapped"]


def test_an_image_is_described_where_docker_has_it(play, runner, tmp_path):
    runner.path = [Path(install(tmp_path / "tools")["PATH"])]
    run = play(
        """
        on: push
        jobs:
          a:
            runs-on: x
            outputs: {digest: '${{ steps.build.outputs.digest }}'}
            steps:
              - {uses: actions/checkout@v7}
              - {id: build, run: 'echo "digest=$(docker build --tag reg/x:1 .)" >> "$GITHUB_OUTPUT"'}
              - name: describe
                uses: anchore/sbom-action@v0
                with: {image: 'reg/x@${{ steps.build.outputs.digest }}', artifact-name: sbom.spdx.json}
          elsewhere:
            needs: a
            runs-on: x
            steps:
              - {name: describe, uses: anchore/sbom-action@v0, with: {image: 'reg/x@${{ needs.a.outputs.digest }}'}}
        """,
        Dockerfile="FROM scratch\nCOPY Dockerfile /\n",
    )
    assert outcomes(run)["describe"] == "success"
    [file] = runner.artifacts.of(run.id)["sbom.spdx.json"].iterdir()
    assert json.loads(file.read_text())["packages"][0]["name"].startswith("reg/x@sha256:")
    assert "its registry does not show it: ERROR: no basic auth credentials" in logs(run, "elsewhere")["describe"]


def test_an_image_is_attested_with_the_permissions_to(play, hub):
    digest = "sha256:" + "0" * 64
    attest = "uses: actions/attest-build-provenance@v4, with: {subject-name: reg/x, subject-digest: "
    run = play(f"""
        on: push
        permissions: {{id-token: write, attestations: write}}
        jobs:
          a:
            runs-on: x
            steps:
              - {{name: good, {attest} '{digest}'}}}}
              - {{name: bad, {attest} latest}}}}
          b:
            runs-on: x
            permissions: {{id-token: write}}
            steps:
              - {{name: out, {attest} '{digest}'}}}}
        """)
    assert (outcomes(run)["good"], outcomes(run)["bad"]) == ("success", "failure")
    assert 'missing "attestations" permission' in logs(run, "b")["out"]
    assert hub.attestations == [(digest, "application/vnd.dev.sigstore.bundle.v0.3+json")]
