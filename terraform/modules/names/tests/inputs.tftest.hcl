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
  project = "slipway"
}

run "good" {
  command = plan

  assert {
    condition     = output.buckets.captures == "slipway-captures-123456789012"
    error_message = "a bucket is named by project, what it holds and account"
  }

  assert {
    condition     = output.functions == { staging = "slipway-staging", production = "slipway-production" }
    error_message = "a function an environment"
  }

  assert {
    condition     = alltrue([for name in values(output.execution_roles) : length(name) <= 64])
    error_message = "IAM takes no longer names"
  }
}

run "longest" {
  command = plan

  variables {
    project = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
  }

  assert {
    condition     = alltrue([for name in values(output.buckets) : length(name) <= 63])
    error_message = "S3 takes no longer names"
  }
}

run "capitals" {
  command = plan

  variables {
    project = "Capitals"
  }

  expect_failures = [var.project]
}

run "underscore" {
  command = plan

  variables {
    project = "my_project"
  }

  expect_failures = [var.project]
}

run "too_long" {
  command = plan

  variables {
    project = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
  }

  expect_failures = [var.project]
}

run "too_short" {
  command = plan

  variables {
    project = "ab"
  }

  expect_failures = [var.project]
}

run "digit_first" {
  command = plan

  variables {
    project = "1st"
  }

  expect_failures = [var.project]
}

run "two_hyphens" {
  command = plan

  variables {
    project = "a--b"
  }

  expect_failures = [var.project]
}

run "hyphen_last" {
  command = plan

  variables {
    project = "abc-"
  }

  expect_failures = [var.project]
}

run "reserved" {
  command = plan

  variables {
    project = "aws-texts"
  }

  expect_failures = [var.project]
}

run "blank" {
  command = plan

  variables {
    project = ""
  }

  expect_failures = [var.project]
}
