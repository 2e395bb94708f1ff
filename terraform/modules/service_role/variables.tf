variable "name" {
  description = "Name of the role."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[A-Za-z0-9+=,.@_-]{1,64}$", var.name))
    error_message = "The role's name \"${var.name}\" must be 1 to 64 letters, digits and +=,.@_-: choose a shorter `project`."
  }
}

variable "path" {
  description = "IAM path of the role, as /slipway/execution/."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^/([!-~]+/)?$", var.path))
    error_message = "path must begin and end with a slash."
  }
}

variable "service" {
  description = "The AWS service that takes the role, as sagemaker.amazonaws.com."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z0-9.-]+\\.amazonaws\\.com$", var.service))
    error_message = "service must be the name of an AWS service, as sagemaker.amazonaws.com."
  }
}

variable "policy" {
  description = "The policy of the role as JSON: what it may do."
  type        = string
  nullable    = false
}
