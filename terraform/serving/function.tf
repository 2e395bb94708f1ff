# Terraform owns the function and its image. Which version `live` points at is CodeDeploy's.
resource "aws_lambda_function" "this" {
  function_name = local.name
  description   = "Classifies texts"
  role          = local.roles["lambda-${var.environment}"]

  package_type  = "Image"
  image_uri     = local.image
  architectures = ["x86_64"]
  publish       = true

  memory_size                    = var.memory_mb
  timeout                        = var.timeout_seconds
  reserved_concurrent_executions = coalesce(var.reserved_concurrency, -1)

  environment {
    variables = {
      POWERTOOLS_SERVICE_NAME = local.name
      SLIPWAY_CAPTURE_RATE    = tostring(var.capture_rate)
      SLIPWAY_CAPTURE_TEXT    = var.capture_text
    }
  }

  depends_on = [aws_cloudwatch_log_group.this, terraform_data.project]
}

resource "aws_lambda_alias" "live" {
  name             = "live"
  description      = "What is asked"
  function_name    = aws_lambda_function.this.function_name
  function_version = aws_lambda_function.this.version

  lifecycle {
    # the first version; from then on CodeDeploy shifts it
    ignore_changes = [function_version, routing_config]
  }
}

# asked by CodeDeploy before a version gets traffic: do the bundle's recorded predictions hold?
resource "aws_lambda_function" "smoke" {
  function_name = "${local.name}-smoke"
  description   = "Asks the recorded predictions again"
  role          = local.roles["lambda-${var.environment}"]

  package_type  = "Image"
  image_uri     = local.image
  architectures = ["x86_64"]

  memory_size = var.memory_mb
  timeout     = 60

  image_config {
    command = ["smoke.handler"]
  }

  depends_on = [aws_cloudwatch_log_group.smoke, terraform_data.project]
}

resource "aws_cloudwatch_log_group" "this" {
  name              = "/aws/lambda/${local.name}"
  retention_in_days = var.keep_logs_days
  kms_key_id        = data.aws_kms_alias.this.target_key_arn
}

resource "aws_cloudwatch_log_group" "smoke" {
  name              = "/aws/lambda/${local.name}-smoke"
  retention_in_days = var.keep_logs_days
  kms_key_id        = data.aws_kms_alias.this.target_key_arn
}
