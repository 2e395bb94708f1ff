variable "name" {
  description = "Name of the bucket: unique among all AWS accounts, so with the account's number in it."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$", var.name))
    error_message = "The bucket's name \"${var.name}\" must be 3 to 63 lower-case letters, digits and hyphens, and begin and end with a letter or digit: choose a shorter or plainer `project`."
  }
}

variable "kms_key_arn" {
  description = "ARN of the KMS key that encrypts what is written; null is the key that S3 itself manages (SSE-S3)."
  type        = string
  default     = null

  validation {
    condition     = var.kms_key_arn == null || can(regex("^arn:aws[a-z-]*:kms:", var.kms_key_arn))
    error_message = "kms_key_arn must be the ARN of a KMS key, or null."
  }
}

variable "log_bucket" {
  description = "The bucket that access logs go to; null for a bucket that is one itself."
  type        = object({ name = string })
  default     = null
}

variable "expire_days" {
  description = "Days after which an object under each prefix is removed (\"\" is every object)."
  type        = map(number)
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for days in values(var.expire_days) : days >= 1 && floor(days) == days])
    error_message = "expire_days must be whole numbers of days, at least 1."
  }
}

variable "expire_old_versions_days" {
  description = "Days that a version is kept after it was overwritten or deleted."
  type        = number
  default     = 30
  nullable    = false

  validation {
    condition     = var.expire_old_versions_days >= 1 && floor(var.expire_old_versions_days) == var.expire_old_versions_days
    error_message = "expire_old_versions_days must be a whole number of days, at least 1."
  }
}

variable "force_destroy" {
  description = "Whether `terraform destroy` empties the bucket first. Otherwise it fails on a bucket that holds anything."
  type        = bool
  default     = false
  nullable    = false
}

variable "log_writers" {
  description = "ARNs of the buckets whose access logs this bucket takes."
  type        = list(string)
  default     = []
  nullable    = false
}
