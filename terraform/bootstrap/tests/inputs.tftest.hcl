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
  mock_resource "aws_iam_openid_connect_provider" {
    defaults = { arn = "arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com" }
  }
  mock_resource "aws_iam_policy" {
    defaults = { arn = "arn:aws:iam::123456789012:policy/boundary" }
  }
}

variables {
  project = "slipway"
  region  = "us-east-1"
  github  = { owner = "acme", owner_id = "101", name = "texts", id = "202" }
}

run "good" {
  command = apply

  assert {
    condition     = output.environments.production == "main" && output.environments.train == null
    error_message = "production deploys from main alone"
  }
}

run "unknown_region" {
  command = plan

  variables {
    region = "middle-earth"
  }

  expect_failures = [var.region]
}

run "provider" {
  command = plan

  variables {
    github_provider = "guess"
  }

  expect_failures = [var.github_provider]
}

run "owner_with_slash" {
  command = plan

  variables {
    github = { owner = "acme/texts", owner_id = "101", name = "texts", id = "202" }
  }

  expect_failures = [var.github]
}

run "name_with_owner" {
  command = plan

  variables {
    github = { owner = "acme", owner_id = "101", name = "acme/texts", id = "202" }
  }

  expect_failures = [var.github]
}

run "placeholder" {
  command = plan

  variables {
    github = { owner = "acme", owner_id = "101", name = "texts", id = "0" }
  }

  expect_failures = [var.github]
}

run "id_that_is_none" {
  command = plan

  variables {
    github = { owner = "acme", owner_id = "acme", name = "texts", id = "202" }
  }

  expect_failures = [var.github]
}

run "no_branch" {
  command = plan

  variables {
    github = { owner = "acme", owner_id = "101", name = "texts", id = "202", branch = "" }
  }

  expect_failures = [var.github]
}

run "public_environment" {
  command = plan

  variables {
    may_be_public = ["test"]
  }

  expect_failures = [var.may_be_public]
}
