output "state_bucket" {
  description = "Bucket of the states of all roots."
  value       = module.state.name
}

output "roles" {
  description = "ARNs of the roles that GitHub's jobs take, by name: repository variables `AWS_ROLE_*`."
  value       = { for name, role in module.role : name => role.arn }
}

output "environments" {
  description = "Environments that GitHub must have, and the branch that their jobs may run for (null: any)."
  value       = { for name, role in local.roles : role.environment => (role.main_only ? var.github.branch : null) if role.environment != null }
}
