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
  name    = "slipway-sagemaker"
  path    = "/slipway/execution/"
  service = "sagemaker.amazonaws.com"
  policy  = "{}"
}

run "good" {
  command = plan

  assert {
    condition     = aws_iam_role.this.path == "/slipway/execution/" && aws_iam_role_policy.this.policy == var.policy
    error_message = "the role has its place and its policy"
  }
}

run "too_long" {
  command = plan

  variables {
    name = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
  }

  expect_failures = [var.name]
}

run "no_slash" {
  command = plan

  variables {
    path = "slipway"
  }

  expect_failures = [var.path]
}

run "no_service" {
  command = plan

  variables {
    service = "sagemaker"
  }

  expect_failures = [var.service]
}
