"""Workflows run as on GitHub."""


def test_a_push_runs_its_steps(play, hub):
    run = play("""
        on: push
        jobs:
          greet:
            runs-on: ubuntu-latest
            steps:
              - run: echo "hello $GITHUB_ACTOR from $GITHUB_REPOSITORY"
        """)
    assert run.conclusion == "success"
    assert run.job("greet").steps[0].log == "hello octocat from acme/texts\n"
    assert hub.checks[run.sha, "greet"] == "success"
    assert hub.tokens == {}
