"""Actions answer as their originals do."""

ROLE = "arn:aws:iam::123456789012:role/texts-staging"


def test_a_checkout_tells_the_commit_of_a_branch(play):
    run = play("""
        on: push
        jobs:
          a:
            runs-on: x
            permissions: {contents: read}
            steps:
              - {uses: actions/checkout@v7, id: checkout, with: {ref: main, persist-credentials: false}}
              - name: told
                env: {TOLD: '${{ steps.checkout.outputs.commit }}'}
                run: test "$TOLD" = "$GITHUB_SHA"
        """)
    assert run.conclusion == "success"


def test_credentials_of_another_account_than_allowed_are_not_given(play):
    run = play(f"""
        on: push
        jobs:
          a:
            runs-on: x
            environment: staging
            permissions: {{id-token: write}}
            steps:
              - name: ours
                uses: aws-actions/configure-aws-credentials@v6
                with: {{aws-region: us-east-1, role-to-assume: '{ROLE}', allowed-account-ids: 123456789012}}
              - name: another's
                uses: aws-actions/configure-aws-credentials@v6
                with: {{aws-region: us-east-1, role-to-assume: '{ROLE}', allowed-account-ids: 210987654321}}
        """)
    assert [step.outcome for step in run.job("a").steps] == ["success", "failure"]
