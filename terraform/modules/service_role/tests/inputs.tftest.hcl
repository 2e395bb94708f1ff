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
  name         = "slipway-sagemaker"
  path         = "/slipway/execution/"
  service      = "sagemaker.amazonaws.com"
  policy       = "{}"
  boundary_arn = "arn:aws:iam::123456789012:policy/slipway/slipway-execution-boundary"
}

run "good" {
  command = plan

  assert {
    condition     = aws_iam_role.this.permissions_boundary == var.boundary_arn
    error_message = "every role has its boundary"
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
