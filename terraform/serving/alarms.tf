locals {
  asked = { FunctionName = local.name, Resource = "${local.name}:live" }

  alarms = {
    errors = {
      description = "Requests end without an answer: see the function's log"
      namespace   = "AWS/Lambda", metric = "Errors", dimensions = local.asked
      statistic   = "Sum", percentile = null, threshold = 0, periods = 1
    }
    # what goes wrong while a question is answered is told as 5xx, of which Lambda knows nothing
    failures = {
      description = "Questions are answered with 5xx: see the function's log"
      namespace   = "slipway", metric = "Errors", dimensions = { service = local.name }
      statistic   = "Sum", percentile = null, threshold = 0, periods = 1
    }
    throttles = {
      description = "Requests are turned away: more at once than the concurrency allows"
      namespace   = "AWS/Lambda", metric = "Throttles", dimensions = local.asked
      statistic   = "Sum", percentile = null, threshold = 0, periods = 1
    }
    latency = {
      description = "Answers take longer than they should"
      namespace   = "slipway", metric = "Latency", dimensions = { service = local.name }
      statistic   = null, percentile = "p95", threshold = var.alarm_latency_ms, periods = 3
    }
  }
}

resource "aws_cloudwatch_metric_alarm" "this" {
  for_each = local.alarms

  alarm_name        = "${local.name}-${each.key}"
  alarm_description = each.value.description
  alarm_actions     = [local.topic]
  ok_actions        = [local.topic]

  namespace          = each.value.namespace
  metric_name        = each.value.metric
  dimensions         = each.value.dimensions
  statistic          = each.value.statistic
  extended_statistic = each.value.percentile

  comparison_operator = "GreaterThanThreshold"
  threshold           = each.value.threshold
  period              = 60
  evaluation_periods  = each.value.periods
  datapoints_to_alarm = each.value.periods
  # nobody asks
  treat_missing_data = "notBreaching"
}

resource "aws_cloudwatch_metric_alarm" "low_confidence" {
  alarm_name        = "${local.name}-low-confidence"
  alarm_description = "The model is unsure of more texts than it should: they may have changed"
  alarm_actions     = [local.topic]
  ok_actions        = [local.topic]

  comparison_operator = "GreaterThanThreshold"
  threshold           = var.alarm_low_confidence_percent
  evaluation_periods  = 3
  datapoints_to_alarm = 3
  treat_missing_data  = "notBreaching"

  metric_query {
    id          = "share"
    label       = "texts with a low score, percent"
    expression  = "IF(texts > 20, 100 * low / texts, 0)"
    return_data = true
  }

  dynamic "metric_query" {
    for_each = { low = "LowConfidence", texts = "Texts" }

    content {
      id = metric_query.key

      metric {
        namespace   = "slipway"
        metric_name = metric_query.value
        dimensions  = { service = local.name }
        stat        = "Sum"
        period      = 60
      }
    }
  }
}
