variable "project" {
  description = "Name of the project: the beginning of every name."
  type        = string
  nullable    = false
}

variable "region" {
  description = "AWS region that everything lies in, as eu-central-1."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.region))
    error_message = "region \"${var.region}\" is no region of AWS, as eu-central-1."
  }
}

variable "alert_emails" {
  description = "Addresses that hear of alarms, trainings that end, and the budget; each must confirm once."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for address in var.alert_emails : can(regex("^[^@\\s,]+@[^@\\s,]+\\.[^@\\s.,]+$", address))])
    error_message = "alert_emails: ${join(", ", [for address in var.alert_emails : "\"${address}\"" if !can(regex("^[^@\\s,]+@[^@\\s,]+\\.[^@\\s.,]+$", address))])} is no e-mail address."
  }
}

variable "monthly_budget_usd" {
  description = "US dollars a month of which 80 %, 100 % and a forecast of 100 % are told."
  type        = number
  default     = 200
  nullable    = false

  validation {
    condition     = var.monthly_budget_usd > 0
    error_message = "monthly_budget_usd must be more than 0."
  }
}

variable "keep_captures_days" {
  description = "Days that captured requests are kept: they may hold what people wrote."
  type        = number
  default     = 90
  nullable    = false

  validation {
    condition     = var.keep_captures_days >= 1 && floor(var.keep_captures_days) == var.keep_captures_days
    error_message = "keep_captures_days must be a whole number of days, at least 1."
  }
}

variable "keep_checkpoints_days" {
  description = "Days that checkpoints of trainings are kept: long after the last attempt that may go on from them."
  type        = number
  default     = 30
  nullable    = false

  validation {
    condition     = var.keep_checkpoints_days >= 7 && floor(var.keep_checkpoints_days) == var.keep_checkpoints_days
    error_message = "keep_checkpoints_days must be a whole number of days, at least 7: a spot job may wait and go on for days."
  }
}

variable "github_events" {
  description = "OWNER/NAME of the repository that hears at once of trainings that end (repository_dispatch); null leaves it to the schedule. Its token is put into the connection by hand: see docs/infrastructure.md."
  type        = string
  default     = null

  validation {
    condition     = var.github_events == null || can(regex("^[A-Za-z0-9-]+/[A-Za-z0-9._-]+$", var.github_events))
    error_message = "github_events must be OWNER/NAME of a repository on GitHub, or null."
  }
}

variable "may_empty_buckets" {
  description = "Whether `make destroy` removes buckets and repositories with all that is in them."
  type        = bool
  default     = false
  nullable    = false
}
