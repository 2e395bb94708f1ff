locals {
  public = var.public && var.open
}

# for whom IAM lets: both lambda:InvokeFunctionUrl and lambda:InvokeFunction
resource "aws_lambda_function_url" "live" {
  count = var.open ? 1 : 0

  function_name      = aws_lambda_function.this.function_name
  qualifier          = aws_lambda_alias.live.name
  authorization_type = "AWS_IAM"

  # a release that finds it takes the other address for made, too
  depends_on = [aws_apigatewayv2_route.public, aws_apigatewayv2_stage.public, aws_lambda_permission.public]
}

# for everybody, where asked for
resource "aws_apigatewayv2_api" "public" {
  count = local.public ? 1 : 0

  name          = local.name
  description   = "${local.name} for everybody"
  protocol_type = "HTTP"
}

resource "aws_apigatewayv2_integration" "public" {
  count = local.public ? 1 : 0

  api_id                 = aws_apigatewayv2_api.public[0].id
  integration_type       = "AWS_PROXY"
  integration_uri        = aws_lambda_alias.live.invoke_arn
  payload_format_version = "2.0"
}

resource "aws_apigatewayv2_route" "public" {
  #checkov:skip=CKV_AWS_309:this address is for everybody, and made only where `public` says so

  count = local.public ? 1 : 0

  api_id    = aws_apigatewayv2_api.public[0].id
  route_key = "$default"
  target    = "integrations/${aws_apigatewayv2_integration.public[0].id}"
}

resource "aws_apigatewayv2_stage" "public" {
  count = local.public ? 1 : 0

  api_id      = aws_apigatewayv2_api.public[0].id
  name        = "$default"
  auto_deploy = true

  default_route_settings {
    throttling_rate_limit  = var.public_requests_per_second
    throttling_burst_limit = 2 * var.public_requests_per_second
  }

  access_log_settings {
    destination_arn = aws_cloudwatch_log_group.public[0].arn
    format = jsonencode({
      request_id = "$context.requestId"
      time       = "$context.requestTime"
      method     = "$context.httpMethod"
      path       = "$context.path"
      status     = "$context.status"
      error      = "$context.integrationErrorMessage"
    })
  }
}

resource "aws_cloudwatch_log_group" "public" {
  #checkov:skip=CKV_AWS_338:`keep_logs_days` decides: what visitors ask is not kept for a year unasked

  count = local.public ? 1 : 0

  name              = "/aws/lambda/${local.name}-access"
  retention_in_days = var.keep_logs_days
  kms_key_id        = data.aws_kms_alias.this.target_key_arn
}

resource "aws_lambda_permission" "public" {
  count = local.public ? 1 : 0

  statement_id  = "api-gateway"
  action        = "lambda:InvokeFunction"
  function_name = aws_lambda_function.this.function_name
  qualifier     = aws_lambda_alias.live.name
  principal     = "apigateway.amazonaws.com"
  source_arn    = "${aws_apigatewayv2_api.public[0].execution_arn}/*/*"
}
