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
  mock_data "aws_ecr_repositories" {
    defaults = { names = ["slipway-serve"] }
  }
  mock_data "aws_kms_alias" {
    defaults = { target_key_arn = "arn:aws:kms:us-east-1:123456789012:key/1" }
  }
}

variables {
  project      = "slipway"
  region       = "us-east-1"
  environment  = "staging"
  image_digest = "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
}

run "good" {
  command = plan

  assert {
    condition     = aws_lambda_function.this.image_uri == "123456789012.dkr.ecr.us-east-1.amazonaws.com/slipway-serve@${var.image_digest}"
    error_message = "the digest is what runs"
  }

  assert {
    condition     = length(aws_apigatewayv2_api.public) == 0 && aws_lambda_function_url.live[0].authorization_type == "AWS_IAM"
    error_message = "only whom IAM lets"
  }
}

run "public" {
  command = plan

  variables {
    public = true
  }

  assert {
    condition     = length(aws_apigatewayv2_stage.public) == 1
    error_message = "everybody, where asked for"
  }
}

run "closed" {
  command = plan

  variables {
    public = true
    open   = false
  }

  assert {
    condition     = length(aws_lambda_function_url.live) == 0 && length(aws_apigatewayv2_api.public) == 0 && length(aws_lambda_permission.public) == 0
    error_message = "no address of any kind before the first release is good"
  }

  assert {
    condition     = output.url == null && output.public_url == null
    error_message = "and none is told"
  }
}

run "unknown_region" {
  command = plan

  variables {
    region = "middle-earth"
  }

  expect_failures = [var.region]
}

run "unknown_environment" {
  command = plan

  variables {
    environment = "test"
  }

  expect_failures = [var.environment]
}

run "tag" {
  command = plan

  variables {
    image_digest = "latest"
  }

  expect_failures = [var.image_digest]
}

run "short_digest" {
  command = plan

  variables {
    image_digest = "sha256:abc"
  }

  expect_failures = [var.image_digest]
}

run "memory" {
  command = plan

  variables {
    memory_mb = 64
  }

  expect_failures = [var.memory_mb]
}

run "timeout" {
  command = plan

  variables {
    timeout_seconds = 60
  }

  expect_failures = [var.timeout_seconds]
}

run "concurrency" {
  command = plan

  variables {
    reserved_concurrency = 0
  }

  expect_failures = [var.reserved_concurrency]
}

run "requests" {
  command = plan

  variables {
    public_requests_per_second = 0
  }

  expect_failures = [var.public_requests_per_second]
}

run "rate" {
  command = plan

  variables {
    capture_rate = 2
  }

  expect_failures = [var.capture_rate]
}

run "text" {
  command = plan

  variables {
    capture_text = "all"
  }

  expect_failures = [var.capture_text]
}

run "days" {
  command = plan

  variables {
    keep_logs_days = 10
  }

  expect_failures = [var.keep_logs_days]
}

run "latency" {
  command = plan

  variables {
    alarm_latency_ms = 0
  }

  expect_failures = [var.alarm_latency_ms]
}

run "confidence" {
  command = plan

  variables {
    alarm_low_confidence_percent = 0
  }

  expect_failures = [var.alarm_low_confidence_percent]
}
