# Both environments, and what trains. Each environment has a dashboard of its own besides (terraform/serving).
locals {
  console = "${module.names.region}.console.${module.names.partition == "aws-us-gov" ? "amazonaws-us-gov" : "aws.amazon"}.com"
  # the one that people ask stands first
  watched = [for environment in ["production", "staging"] : { environment = environment, function = module.names.functions[environment] }]
  # the names that terraform/serving gives its alarms
  alarms = ["errors", "failures", "latency", "low-confidence", "throttles"]

  graph = {
    region  = module.names.region
    view    = "timeSeries"
    stacked = false
    period  = 300
    stat    = "Sum"
  }

  # from left to right, a row a list, each of its widgets as wide as the others
  rows = [
    [
      {
        type = "text"
        properties = {
          markdown = join("\n", [
            "# ${var.project}",
            join(" | ", concat(
              [for each in local.watched : "[${each.environment}](#dashboards:name=${each.function})"],
              [
                "[trainings](https://${local.console}/sagemaker/home?region=${module.names.region}#/jobs)",
                "[their log](#logsV2:log-groups/log-group/$252Faws$252Fsagemaker$252FTrainingJobs)",
                "[images](https://${local.console}/ecr/private-registry/repositories?region=${module.names.region})",
                "[costs and budget](https://${local.console}/costmanagement/home#/budgets)",
              ],
            )),
            "",
            "An environment that is not deployed yet shows nothing.",
          ])
        }
      },
      {
        type = "alarm"
        properties = {
          title  = "alarms"
          alarms = flatten([for each in local.watched : [for alarm in local.alarms : "${local.arn}:cloudwatch:${local.here}:alarm:${each.function}-${alarm}"]])
        }
      },
    ],
    [
      for each in local.watched : {
        type = "metric"
        properties = merge(local.graph, {
          title = "${each.environment}: requests and errors"
          metrics = [
            ["AWS/Lambda", "Invocations", "FunctionName", each.function, "Resource", "${each.function}:live", { label = "requests" }],
            ["slipway", "Errors", "service", each.function, { label = "answered with 5xx", yAxis = "right" }],
            ["AWS/Lambda", "Errors", "FunctionName", each.function, "Resource", "${each.function}:live", { label = "ended without an answer", yAxis = "right" }],
            ["AWS/Lambda", "Throttles", "FunctionName", each.function, "Resource", "${each.function}:live", { label = "turned away", yAxis = "right" }],
          ]
        })
      }
    ],
    [
      for each in local.watched : {
        type = "metric"
        properties = merge(local.graph, {
          title   = "${each.environment}: milliseconds an answer takes"
          metrics = [for stat in ["p50", "p95", "p99"] : ["slipway", "Latency", "service", each.function, { stat = stat, label = stat }]]
        })
      }
    ],
    [
      {
        type = "metric"
        properties = merge(local.graph, {
          title  = "trainings that ended, and who was not told"
          period = 3600
          metrics = concat(
            [
              ["AWS/Events", "TriggeredRules", "RuleName", aws_cloudwatch_event_rule.trainings.name, { label = "ended" }],
              ["AWS/Events", "FailedInvocations", "RuleName", aws_cloudwatch_event_rule.trainings.name, { label = "told to nobody" }],
              ["AWS/SNS", "NumberOfNotificationsFailed", "TopicName", aws_sns_topic.alerts.name, { label = "mails that failed" }],
            ],
            [
              for queue in aws_sqs_queue.undelivered :
              ["AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName", queue.name, { stat = "Maximum", label = "GitHub never took" }]
            ],
          )
        })
      },
      {
        type = "metric"
        properties = merge(local.graph, {
          title = "how busy machines of trainings are, in percent"
          stat  = "Average"
          metrics = [
            for metric in ["GPUUtilization", "GPUMemoryUtilization", "CPUUtilization"] :
            [{ expression = "SEARCH('{/aws/sagemaker/TrainingJobs,Host} MetricName=\"${metric}\"', 'Average', 300)", label = "${metric} $${PROP('Dim.Host')}", id = lower(metric) }]
          ]
        })
      },
    ],
    [
      {
        type = "log"
        properties = {
          title  = "trainings, and what each said last"
          region = module.names.region
          view   = "table"
          query  = "SOURCE '/aws/sagemaker/TrainingJobs' | filter @logStream like /^${var.project}-/ | stats earliest(@timestamp) as began, latest(@timestamp) as heard, latest(@message) as said by @logStream | sort heard desc | limit 20"
        }
      },
    ],
  ]
}

resource "aws_cloudwatch_dashboard" "overview" {
  dashboard_name = "${var.project}-overview"

  dashboard_body = jsonencode({
    widgets = flatten([
      for place, row in local.rows : [
        for nth, widget in row :
        merge(widget, { x = nth * 24 / length(row), y = 6 * place, width = 24 / length(row), height = 6 })
      ]
    ])
  })
}
