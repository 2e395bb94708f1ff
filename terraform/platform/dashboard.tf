resource "aws_cloudwatch_dashboard" "overview" {
  dashboard_name = "${var.project}-overview"

  dashboard_body = jsonencode({
    widgets = concat(
      [
        for place, environment in sort(keys(module.names.functions)) : {
          type   = "metric"
          x      = 12 * place
          y      = 0
          width  = 12
          height = 6
          properties = {
            title  = "${environment}: requests and errors"
            region = module.names.region
            stat   = "Sum"
            period = 300
            metrics = [
              for metric in ["Invocations", "Errors", "Throttles"] :
              ["AWS/Lambda", metric, "FunctionName", module.names.functions[environment]]
            ]
          }
        }
      ],
      [
        {
          type   = "log"
          x      = 0
          y      = 6
          width  = 24
          height = 6
          properties = {
            title  = "what trainings said last"
            region = module.names.region
            query  = "SOURCE '/aws/sagemaker/TrainingJobs' | filter @logStream like /^${var.project}-/ | sort @timestamp desc | limit 50"
            view   = "table"
          }
        },
      ],
    )
  })
}
