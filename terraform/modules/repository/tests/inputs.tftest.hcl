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
  name = "slipway-serve"
}

run "good" {
  command = plan

  variables {
    pulled_by_lambda = ["slipway-staging"]
  }

  assert {
    condition     = aws_ecr_repository.this.image_tag_mutability == "IMMUTABLE"
    error_message = "a tag stays with its image"
  }

  assert {
    condition     = aws_ecr_repository.this.image_scanning_configuration[0].scan_on_push
    error_message = "images are scanned"
  }

  assert {
    condition     = length(aws_ecr_repository_policy.this) == 1
    error_message = "Lambda may pull"
  }
}

run "capitals" {
  command = plan

  variables {
    name = "Serve"
  }

  expect_failures = [var.name]
}

run "hyphen_last" {
  command = plan

  variables {
    name = "serve-"
  }

  expect_failures = [var.name]
}

run "one_image" {
  command = plan

  variables {
    keep_images = 1
  }

  expect_failures = [var.keep_images]
}

run "no_key" {
  command = plan

  variables {
    kms_key_arn = "key"
  }

  expect_failures = [var.kms_key_arn]
}
