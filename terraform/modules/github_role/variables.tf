variable "name" {
  description = "Name of the role, without the project's prefix: that of its environment on GitHub, or `plan`."
  type        = string
  nullable    = false
}

variable "project" {
  description = "Name of the project: prefix and path of the role."
  type        = string
  nullable    = false
}

variable "provider_arn" {
  description = "ARN of the account's OIDC provider of GitHub."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^arn:aws[a-z-]*:iam::[0-9]{12}:oidc-provider/token\\.actions\\.githubusercontent\\.com$", var.provider_arn))
    error_message = "provider_arn must be that of token.actions.githubusercontent.com."
  }
}

variable "repository" {
  description = "The repository on GitHub, by name and by number: numbers stay when names change hands."
  nullable    = false

  type = object({
    owner    = string
    owner_id = string
    name     = string
    id       = string
  })
}

variable "environment" {
  description = "The environment on GitHub whose jobs may take the role; null for jobs of pull requests, without an environment."
  type        = string
  default     = null
}

variable "ref" {
  description = "The Git reference that such a job must run for, as refs/heads/main; null for any: an environment's branch rules are GitHub's."
  type        = string
  default     = null

  validation {
    condition     = var.ref == null || can(regex("^refs/(heads|tags)/[^*?]+$", var.ref))
    error_message = "ref must be a whole reference, as refs/heads/main, without wildcards."
  }
}

variable "policy" {
  description = "The policy of the role as JSON: what it may do, within the boundary."
  type        = string
  nullable    = false
}

variable "boundary_arn" {
  description = "ARN of the policy beyond which the role may do nothing, whatever is attached to it."
  type        = string
  nullable    = false
}
