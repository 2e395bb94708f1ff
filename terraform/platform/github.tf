# Tells GitHub at once that a training has ended. Without it the schedule of report.yml finds out.
resource "aws_cloudwatch_event_connection" "github" {
  count = var.github_events == null ? 0 : 1

  name               = "${var.project}-github"
  description        = "Its token is put in by hand, and never known to Terraform: docs/infrastructure.md"
  authorization_type = "API_KEY"

  auth_parameters {
    api_key {
      key   = "Authorization"
      value = "put-in-by-hand"
    }
  }

  lifecycle {
    # a change of anything would send the placeholder again, and the token would be gone
    ignore_changes = [auth_parameters, description]
  }
}

resource "aws_cloudwatch_event_api_destination" "github" {
  count = var.github_events == null ? 0 : 1

  name                             = "${var.project}-github"
  description                      = "repository_dispatch of ${var.github_events}"
  invocation_endpoint              = "https://api.github.com/repos/${var.github_events}/dispatches"
  http_method                      = "POST"
  invocation_rate_limit_per_second = 1
  connection_arn                   = aws_cloudwatch_event_connection.github[0].arn
}

locals {
  undelivered = "${var.project}-undelivered-events"
}

# what GitHub did not take in a day
resource "aws_sqs_queue" "undelivered" {
  count = var.github_events == null ? 0 : 1

  name                      = local.undelivered
  message_retention_seconds = 1209600 # two weeks, the most
  sqs_managed_sse_enabled   = true
  # with it, and not after it: the provider waits half a minute for each
  policy = data.aws_iam_policy_document.undelivered[0].json
}

data "aws_iam_policy_document" "undelivered" {
  count = var.github_events == null ? 0 : 1

  statement {
    sid       = "EventsLeaveThem"
    actions   = ["sqs:SendMessage"]
    resources = ["${local.arn}:sqs:${local.here}:${local.undelivered}"]

    principals {
      type        = "Service"
      identifiers = ["events.amazonaws.com"]
    }

    condition {
      test     = "ArnEquals"
      variable = "aws:SourceArn"
      values   = [aws_cloudwatch_event_rule.trainings.arn]
    }
  }
}

resource "aws_cloudwatch_event_target" "github" {
  count = var.github_events == null ? 0 : 1

  rule     = aws_cloudwatch_event_rule.trainings.name
  arn      = aws_cloudwatch_event_api_destination.github[0].arn
  role_arn = module.names.execution_role_arns.events

  input_transformer {
    input_paths    = { job = "$.detail.TrainingJobName", status = "$.detail.TrainingJobStatus" }
    input_template = "{\"event_type\": \"training-ended\", \"client_payload\": {\"job\": <job>, \"status\": <status>}}"
  }

  retry_policy {
    maximum_event_age_in_seconds = 86400
    maximum_retry_attempts       = 185
  }

  dead_letter_config {
    arn = aws_sqs_queue.undelivered[0].arn
  }
}
