output "account" {
  description = "Number of the account."
  value       = local.account
}

output "partition" {
  description = "`aws`, or that of China or the government."
  value       = local.partition
}

output "region" {
  description = "The region that everything lies in."
  value       = local.region
}

output "buckets" {
  description = "Names of the buckets by what they hold: state, logs, data, artifacts, captures."
  value       = local.buckets
}

output "bucket_arns" {
  description = "ARNs of the same buckets."
  value       = { for what, name in local.buckets : what => "arn:${local.partition}:s3:::${name}" }
}

output "repositories" {
  description = "Names of the image repositories: train, serve."
  value       = { for what in ["train", "serve"] : what => "${var.project}-${what}" }
}

output "repository_arns" {
  description = "ARNs of the same repositories."
  value = {
    for what in ["train", "serve"] : what => "arn:${local.partition}:ecr:${local.region}:${local.account}:repository/${var.project}-${what}"
  }
}

output "functions" {
  description = "Names of the Lambda functions that answer, by environment."
  value       = local.functions
}

output "execution_path" {
  description = "IAM path of the roles that AWS's services take for the project."
  value       = local.execution_path
}

output "execution_roles" {
  description = "Names of the roles that AWS's services take: sagemaker, events, and by environment lambda, smoke, codedeploy, firehose and subscription."
  value       = local.execution_roles
}

output "execution_role_arns" {
  description = "ARNs of the same roles."
  value = {
    for what, name in local.execution_roles : what => "arn:${local.partition}:iam::${local.account}:role${local.execution_path}${name}"
  }
}
