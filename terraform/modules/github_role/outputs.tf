output "arn" {
  description = "ARN of the role, for `aws-actions/configure-aws-credentials`."
  value       = aws_iam_role.this.arn
}

output "name" {
  description = "Name of the role."
  value       = aws_iam_role.this.name
}

output "trust" {
  description = "Who may take the role, as JSON."
  value       = data.aws_iam_policy_document.trust.json
}
