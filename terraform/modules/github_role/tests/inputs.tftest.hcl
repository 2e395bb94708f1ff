mock_provider "aws" {
  mock_data "aws_caller_identity" {
    defaults = { account_id = "123456789012" }
  }
  mock_data "aws_partition" {
    defaults = { partition = "aws" }
  }
  mock_data "aws_region" {
    defaults = { name = "us-east-1" }
  }
  mock_data "aws_iam_policy_document" {
    defaults = { json = "{}" }
  }
}

variables {
  name         = "train"
  project      = "slipway"
  environment  = "train"
  provider_arn = "arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com"
  repository   = { owner = "acme", owner_id = "101", name = "texts", id = "202" }
  policy       = "{}"
  boundary_arn = "arn:aws:iam::123456789012:policy/slipway/slipway-github-boundary"
}

run "good" {
  command = plan

  assert {
    condition     = local.subjects == ["repo:acme/texts:environment:train", "repo:acme@101/texts@202:environment:train"]
    error_message = "both forms of the subject, whole"
  }

  assert {
    condition     = keys(local.claims) == ["aud", "environment", "repository_id", "sub"]
    error_message = "audience, environment, number and subject"
  }
}

run "pull_request" {
  command = plan

  variables {
    environment = null
  }

  assert {
    condition     = local.subjects[0] == "repo:acme/texts:pull_request"
    error_message = "a pull request has no environment"
  }
}

run "other_provider" {
  command = plan

  variables {
    provider_arn = "arn:aws:iam::123456789012:oidc-provider/gitlab.com"
  }

  expect_failures = [var.provider_arn]
}

run "wildcard" {
  command = plan

  variables {
    ref = "refs/heads/*"
  }

  expect_failures = [var.ref]
}

run "branch" {
  command = plan

  variables {
    ref = "main"
  }

  expect_failures = [var.ref]
}
