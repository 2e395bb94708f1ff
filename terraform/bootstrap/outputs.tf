locals {
  environments = {
    for name, role in local.roles : role.environment => (role.main_only ? var.github.branch : null) if role.environment != null
  }
  registry = "${module.names.account}.dkr.ecr.${module.names.region}.amazonaws.com"
}

output "state_bucket" {
  description = "Bucket of the states of all roots."
  value       = module.state.name
}

output "roles" {
  description = "ARNs of the roles that GitHub's jobs take, by name: repository variables `AWS_ROLE_*`."
  value       = { for name, role in module.role : name => role.arn }
}

output "key" {
  description = "ARN of the key for all that is stored."
  value       = aws_kms_key.this.arn
}

output "environments" {
  description = "Environments that GitHub must have, and the branch that their jobs may run for (null: any)."
  value       = local.environments
}

# what platform will make has its names already: GitHub can be told before platform is applied
output "github" {
  description = "All that GitHub must be told, by `make bootstrap`; nothing of it is secret."
  value = {
    repository   = "${var.github.owner}/${var.github.name}"
    id           = var.github.id
    branch       = var.github.branch
    environments = local.environments

    variables = merge(
      { for name, role in module.role : "AWS_ROLE_${upper(replace(name, "-", "_"))}" => role.arn },
      {
        AWS_ACCOUNT_ID = module.names.account
        AWS_REGION     = module.names.region

        SLIPWAY_BUCKET              = module.names.buckets.artifacts
        SLIPWAY_DVC_REMOTE          = "s3://${module.names.buckets.data}/dvc"
        SLIPWAY_TRAINING_REPOSITORY = "${local.registry}/${module.names.repositories.train}"
        SLIPWAY_TRAINING_ROLE       = module.names.execution_role_arns["sagemaker"]
      },
    )
  }
}
