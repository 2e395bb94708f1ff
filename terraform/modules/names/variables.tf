variable "project" {
  description = "Name of the project: the beginning of every name, and the tag `project`."
  type        = string
  nullable    = false

  # the longest name is that of the bucket `PROJECT-artifacts-ACCOUNT`; roles end in `-deploy-production`
  validation {
    condition     = can(regex("^[a-z][a-z0-9]*(-[a-z0-9]+)*$", var.project)) && length(var.project) >= 3 && length(var.project) <= 32
    error_message = "project \"${var.project}\" must be 3 to 32 lower-case letters, digits and single hyphens, and begin with a letter: S3 and IAM take no other or longer names."
  }

  validation {
    condition     = !can(regex("^(xn--|sthree-|amzn-|aws)", var.project))
    error_message = "project \"${var.project}\" must not begin with xn--, sthree-, amzn- or aws: AWS keeps these for itself."
  }
}
