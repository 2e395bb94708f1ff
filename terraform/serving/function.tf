# Terraform owns the function and its image. A release publishes the version, whose description names the bundle: told
# here, it would be an update of its own, which waits for the one of the image. What `live` points at is CodeDeploy's.
resource "aws_lambda_function" "this" {
  #checkov:skip=CKV_AWS_50:it calls nothing that could be traced, and its log tells the time of each answer
  #checkov:skip=CKV_AWS_116:who asks waits for the answer: there is no queue of requests that could fail unseen
  #checkov:skip=CKV_AWS_117:it calls nothing, so a network of ours would protect nothing, and cost money and cold starts
  #checkov:skip=CKV_AWS_173:rates and names, no secret: the key that AWS uses without being asked does
  #checkov:skip=CKV_AWS_272:Lambda checks the signatures of zip archives alone; an image is named by its digest

  function_name = local.name
  description   = "Classifies texts"
  role          = module.names.execution_role_arns["lambda-${var.environment}"]

  package_type  = "Image"
  image_uri     = local.image
  architectures = ["x86_64"]

  memory_size                    = var.memory_mb
  timeout                        = var.timeout_seconds
  reserved_concurrent_executions = coalesce(var.reserved_concurrency, -1)

  environment {
    variables = {
      POWERTOOLS_SERVICE_NAME = local.name

      SLIPWAY_CAPTURE_RATE = tostring(var.capture_rate)
      SLIPWAY_CAPTURE_TEXT = var.capture_text
    }
  }

  depends_on = [aws_cloudwatch_log_group.this, terraform_data.project]
}

resource "aws_lambda_alias" "live" {
  name             = "live"
  description      = "What is asked"
  function_name    = aws_lambda_function.this.function_name
  function_version = "$LATEST"

  lifecycle {
    # until a release has published the first version; from then on CodeDeploy shifts it
    ignore_changes = [function_version, routing_config]
  }
}

# asked by CodeDeploy before a version gets traffic: do the bundle's recorded predictions hold?
resource "aws_lambda_function" "smoke" {
  #checkov:skip=CKV_AWS_50:it calls nothing that could be traced, and runs once a release
  #checkov:skip=CKV_AWS_115:it runs once a release; what is reserved for it the account's other functions would lack
  #checkov:skip=CKV_AWS_116:a release waits for its answer, and fails without one
  #checkov:skip=CKV_AWS_117:it calls AWS alone, so a network of ours would protect nothing, and cost money and cold starts
  #checkov:skip=CKV_AWS_173:the name of a function, no secret: the key that AWS uses without being asked does
  #checkov:skip=CKV_AWS_272:Lambda checks the signatures of zip archives alone; an image is named by its digest

  function_name = "${local.name}-smoke"
  description   = "Asks the recorded predictions again"
  role          = module.names.execution_role_arns["smoke-${var.environment}"]

  package_type  = "Image"
  image_uri     = local.image
  architectures = ["x86_64"]

  memory_size = var.memory_mb
  timeout     = 120

  image_config {
    command = ["smoke.handler"]
  }

  # of which version, the deployment says: named here, it would have this function wait for the other's update
  environment {
    variables = { SLIPWAY_FUNCTION = local.name }
  }

  depends_on = [aws_cloudwatch_log_group.smoke, terraform_data.project]
}

resource "aws_cloudwatch_log_group" "this" {
  #checkov:skip=CKV_AWS_338:`keep_logs_days` decides: what people wrote is not kept for a year unasked

  name              = "/aws/lambda/${local.name}"
  retention_in_days = var.keep_logs_days
  kms_key_id        = data.aws_kms_alias.this.target_key_arn
}

resource "aws_cloudwatch_log_group" "smoke" {
  #checkov:skip=CKV_AWS_338:`keep_logs_days` decides: what people wrote is not kept for a year unasked

  name              = "/aws/lambda/${local.name}-smoke"
  retention_in_days = var.keep_logs_days
  kms_key_id        = data.aws_kms_alias.this.target_key_arn
}
