# What operators look at first. Every metric of `slipway` is one that the function writes (lambda/observe.py).
locals {
  console = "${module.names.region}.console.${module.names.partition == "aws-us-gov" ? "amazonaws-us-gov" : "aws.amazon"}.com"
  log     = "/aws/lambda/${local.name}"
  alarmed = concat(values(aws_cloudwatch_metric_alarm.this), [aws_cloudwatch_metric_alarm.low_confidence])

  graph = {
    region  = module.names.region
    view    = "timeSeries"
    stacked = false
    period  = 300
    stat    = "Sum"
  }

  # what each version, or each class, tells: those that there are are searched for
  by_version = "{AWS/Lambda,FunctionName,Resource,ExecutedVersion} FunctionName=\"${local.name}\" Resource=\"${local.asked.Resource}\""
  told       = "{\"slipway\",service,\"function_version\"} service=\"${local.name}\""
  classes    = "SEARCH('{\"slipway\",service,label} service=\"${local.name}\" MetricName=\"Predictions\"', 'Sum', 3600)"

  # from left to right, a row a list, each of its widgets as wide as the others
  rows = concat(
    [
      [
        {
          type = "text"
          properties = {
            markdown = join("\n", [
              "# ${local.name}",
              join(" | ", [
                "[function](https://${local.console}/lambda/home?region=${module.names.region}#/functions/${local.name})",
                "[releases](https://${local.console}/codesuite/codedeploy/applications/${local.name})",
                "[captures](https://${local.console}/s3/buckets/${module.names.buckets.captures}?prefix=${var.environment}/)",
                "[log](#logsV2:log-groups/log-group/${replace(local.log, "/", "$252F")})",
                "[both environments](#dashboards:name=${var.project}-overview)",
              ]),
              "",
              "While a release shifts traffic, the new version shows beside the old one under *by version*.",
            ])
          }
        },
        {
          type = "alarm"
          properties = {
            title  = "alarms"
            alarms = [for alarm in local.alarmed : "${local.arn}:cloudwatch:${local.here}:alarm:${alarm.alarm_name}"]
          }
        },
      ],
      [
        {
          type = "metric"
          properties = merge(local.graph, {
            title = "requests"
            metrics = [
              ["AWS/Lambda", "Invocations", "FunctionName", local.name, "Resource", local.asked.Resource, { label = "requests" }],
              ["slipway", "Rejected", "service", local.name, { label = "rejected (4xx)" }],
            ]
          })
        },
        {
          type = "metric"
          properties = merge(local.graph, {
            title = "errors and throttles"
            metrics = [
              ["slipway", "Errors", "service", local.name, { label = "answered with 5xx" }],
              ["AWS/Lambda", "Errors", "FunctionName", local.name, "Resource", local.asked.Resource, { label = "ended without an answer" }],
              ["AWS/Lambda", "Throttles", "FunctionName", local.name, "Resource", local.asked.Resource, { label = "turned away" }],
            ]
          })
        },
        {
          type = "metric"
          properties = merge(local.graph, {
            title   = "milliseconds an answer takes"
            metrics = [for stat in ["p50", "p95", "p99"] : ["slipway", "Latency", "service", local.name, { stat = stat, label = stat }]]
            annotations = {
              horizontal = [{ label = "alarm, of p95", value = var.alarm_latency_ms }]
            }
          })
        },
      ],
      [
        {
          type = "metric"
          properties = merge(local.graph, {
            title = "requests by version"
            metrics = [
              [{ expression = "SEARCH('${local.by_version} MetricName=\"Invocations\"', 'Sum', 60)", label = "version $${PROP('Dim.ExecutedVersion')}", id = "versions" }],
            ]
            period = 60
          })
        },
        {
          type = "metric"
          properties = merge(local.graph, {
            title = "errors by version"
            metrics = [
              [{ expression = "SEARCH('${local.by_version} MetricName=\"Errors\"', 'Sum', 60)", label = "version $${PROP('Dim.ExecutedVersion')}, no answer", id = "ended" }],
              [{ expression = "SEARCH('${local.told} MetricName=\"Errors\"', 'Sum', 60)", label = "version $${PROP('Dim.function_version')}, 5xx", id = "answered" }],
            ]
            period = 60
          })
        },
        {
          type = "metric"
          properties = merge(local.graph, {
            title = "p95 of milliseconds by version"
            metrics = [
              [{ expression = "SEARCH('${local.told} MetricName=\"Latency\"', 'p95', 60)", label = "version $${PROP('Dim.function_version')}", id = "versions" }],
            ]
            period = 60
          })
        },
      ],
      [
        {
          type = "metric"
          properties = merge(local.graph, {
            title = "texts, and how many are answered with doubt or read in part"
            metrics = [
              ["slipway", "Texts", "service", local.name, { id = "texts", label = "texts" }],
              ["slipway", "LowConfidence", "service", local.name, { id = "low", visible = false }],
              ["slipway", "Truncated", "service", local.name, { id = "cut", visible = false }],
              [{ expression = "100 * low / texts", label = "% with a score below one half", id = "doubt", yAxis = "right" }],
              [{ expression = "100 * cut / texts", label = "% read in part", id = "part", yAxis = "right" }],
            ]
            yAxis = { right = { min = 0, max = 100 } }
            annotations = {
              horizontal = [{ label = "alarm", value = var.alarm_low_confidence_percent, yAxis = "right" }]
            }
          })
        },
        {
          type = "metric"
          properties = merge(local.graph, {
            title = "what was answered, an hour"
            metrics = [
              [{ expression = local.classes, label = "$${PROP('Dim.label')}", id = "classes" }],
            ]
            stacked = true
            period  = 3600
          })
        },
        {
          type = "metric"
          properties = {
            title  = "share of each class"
            region = module.names.region
            view   = "pie"
            stat   = "Sum"
            period = 3600
            metrics = [
              [{ expression = local.classes, label = "$${PROP('Dim.label')}", id = "classes" }],
            ]
            # of the whole time that is looked at, and not of its last hour
            setPeriodToTimeRange = true
          }
        },
      ],
      [
        {
          type = "metric"
          properties = merge(local.graph, {
            title   = "requests at once"
            stat    = "Maximum"
            metrics = [["AWS/Lambda", "ConcurrentExecutions", "FunctionName", local.name, { label = "at once" }]]
          })
        },
        {
          type = "log"
          properties = {
            title  = "cold starts"
            region = module.names.region
            view   = "timeSeries"
            query  = "SOURCE '${local.log}' | filter @type = \"REPORT\" and ispresent(@initDuration) | stats count(*) as starts, avg(@initDuration) as milliseconds by bin(1h)"
          }
        },
        {
          type = "metric"
          properties = merge(local.graph, {
            title = "captures on their way to S3"
            metrics = [
              ["AWS/Firehose", "IncomingRecords", "DeliveryStreamName", aws_kinesis_firehose_delivery_stream.captures.name, { label = "batches in" }],
              ["AWS/Firehose", "DeliveryToS3.Records", "DeliveryStreamName", aws_kinesis_firehose_delivery_stream.captures.name, { label = "records delivered" }],
              ["AWS/Firehose", "DeliveryToS3.DataFreshness", "DeliveryStreamName", aws_kinesis_firehose_delivery_stream.captures.name, { stat = "Maximum", label = "seconds that the oldest has waited", yAxis = "right" }],
            ]
          })
        },
      ],
      [
        {
          type = "log"
          properties = {
            title  = "what went wrong last"
            region = module.names.region
            view   = "table"
            query  = "SOURCE '${local.log}' | filter level = \"ERROR\" or @message like /Task timed out|Runtime exited/ | fields @timestamp, message, detail, status, function_version, request_id | sort @timestamp desc | limit 20"
          }
        },
      ],
    ],
    [for log_group in aws_cloudwatch_log_group.public : [
      {
        type = "log"
        properties = {
          title  = "what API Gateway answered: 429 is turned away"
          region = module.names.region
          view   = "table"
          query  = "SOURCE '${log_group.name}' | stats count(*) as requests by status | sort status"
        }
      },
    ]],
  )
}

resource "aws_cloudwatch_dashboard" "this" {
  dashboard_name = local.name

  dashboard_body = jsonencode({
    widgets = flatten([
      for place, row in local.rows : [
        for nth, widget in row :
        merge(widget, { x = nth * 24 / length(row), y = 6 * place, width = 24 / length(row), height = 6 })
      ]
    ])
  })
}
