output "function" {
  description = "Name of the function."
  value       = aws_lambda_function.this.function_name
}

output "smoke_function" {
  description = "Name of the function that asks the recorded predictions again."
  value       = aws_lambda_function.smoke.function_name
}

output "url" {
  description = "Address for whom IAM lets; null where `open` is false."
  value       = one(aws_lambda_function_url.live[*].function_url)
}

output "public_url" {
  description = "Address for everybody; null where `public` or `open` is false."
  value       = one(aws_apigatewayv2_api.public[*].api_endpoint)
}

output "deployment_group" {
  description = "Application and group of CodeDeploy."
  value       = { application = aws_codedeploy_app.this.name, group = aws_codedeploy_deployment_group.live.deployment_group_name }
}

output "latency_ms" {
  description = "Milliseconds that 95 % of the answers must take less than: a release holds its version to them, too."
  value       = var.alarm_latency_ms
}
