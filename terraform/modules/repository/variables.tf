variable "name" {
  description = "Name of the repository, without the registry's address."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z0-9]+([._-][a-z0-9]+)*$", var.name)) && length(var.name) <= 256
    error_message = "The repository's name \"${var.name}\" must be lower-case letters and digits, with single dots, hyphens or underscores between: choose a plainer `project`."
  }
}

variable "keep_images" {
  description = "How many images are kept; older ones are removed. One that a function runs must be among them."
  type        = number
  default     = 50
  nullable    = false

  validation {
    condition     = var.keep_images >= 2 && floor(var.keep_images) == var.keep_images
    error_message = "keep_images must be a whole number, at least 2: the one that runs, and the one to go back to."
  }
}

variable "kms_key_arn" {
  description = "ARN of the KMS key that encrypts the images; null is ECR's own (AES-256)."
  type        = string
  default     = null

  validation {
    condition     = var.kms_key_arn == null || can(regex("^arn:aws[a-z-]*:kms:", var.kms_key_arn))
    error_message = "kms_key_arn must be the ARN of a KMS key, or null."
  }
}

variable "pulled_by_lambda" {
  description = "Names of the Lambda functions of this account and region whose service may pull images."
  type        = list(string)
  default     = []
  nullable    = false
}

variable "force_destroy" {
  description = "Whether `terraform destroy` removes the repository with its images. Otherwise it fails while there are any."
  type        = bool
  default     = false
  nullable    = false
}
