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
  mock_data "aws_iam_roles" {
    defaults = { names = ["slipway-sagemaker"] }
  }
  mock_data "aws_kms_alias" {
    defaults = { target_key_arn = "arn:aws:kms:us-east-1:123456789012:key/1" }
  }
}

variables {
  project = "slipway"
  region  = "us-east-1"
}

run "good" {
  command = plan

  variables {
    alert_emails  = ["someone@example.com"]
    github_events = "acme/texts"
  }

  assert {
    condition     = length(aws_sns_topic_subscription.email) == 1
    error_message = "someone hears of alarms"
  }
}

run "unknown_region" {
  command = plan

  variables {
    region = "middle-earth"
  }

  expect_failures = [var.region]
}

run "no_address" {
  command = plan

  variables {
    alert_emails = ["someone"]
  }

  expect_failures = [var.alert_emails]
}

run "two_in_one" {
  command = plan

  variables {
    alert_emails = ["a@example.com,b@example.com"]
  }

  expect_failures = [var.alert_emails]
}

run "no_budget" {
  command = plan

  variables {
    monthly_budget_usd = 0
  }

  expect_failures = [var.monthly_budget_usd]
}

run "captures" {
  command = plan

  variables {
    keep_captures_days = 0
  }

  expect_failures = [var.keep_captures_days]
}

run "checkpoints" {
  command = plan

  variables {
    keep_checkpoints_days = 1
  }

  expect_failures = [var.keep_checkpoints_days]
}

run "events" {
  command = plan

  variables {
    github_events = "texts"
  }

  expect_failures = [var.github_events]
}
