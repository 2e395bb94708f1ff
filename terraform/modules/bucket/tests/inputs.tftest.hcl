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
  name = "slipway-data-123456789012"
}

run "good" {
  command = plan

  assert {
    condition     = aws_s3_bucket_versioning.this.versioning_configuration[0].status == "Enabled"
    error_message = "versions are kept"
  }

  assert {
    condition     = aws_s3_bucket_public_access_block.this.restrict_public_buckets && aws_s3_bucket_public_access_block.this.block_public_policy
    error_message = "nothing is public"
  }

  assert {
    condition     = length(aws_s3_bucket_logging.this) == 0
    error_message = "no log where no bucket takes it"
  }

  assert {
    condition     = !aws_s3_bucket.this.force_destroy
    error_message = "nothing is emptied unasked"
  }
}

run "capitals" {
  command = plan

  variables {
    name = "Data"
  }

  expect_failures = [var.name]
}

run "too_long" {
  command = plan

  variables {
    name = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
  }

  expect_failures = [var.name]
}

run "dots" {
  command = plan

  variables {
    name = "a.b.c"
  }

  expect_failures = [var.name]
}

run "no_key" {
  command = plan

  variables {
    kms_key_arn = "key"
  }

  expect_failures = [var.kms_key_arn]
}

run "no_days" {
  command = plan

  variables {
    expire_days = { "" = 0 }
  }

  expect_failures = [var.expire_days]
}

run "part_of_a_day" {
  command = plan

  variables {
    expire_days = { "" = 1.5 }
  }

  expect_failures = [var.expire_days]
}

run "no_versions" {
  command = plan

  variables {
    expire_old_versions_days = 0
  }

  expect_failures = [var.expire_old_versions_days]
}
