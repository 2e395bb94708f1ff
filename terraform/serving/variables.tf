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

variable "environment" {
  description = "Which of the project's environments this is: staging or production."
  type        = string
  nullable    = false

  validation {
    condition     = contains(["staging", "production"], var.environment)
    error_message = "environment \"${var.environment}\" must be staging or production."
  }
}

variable "image_digest" {
  description = "Digest of the function's image in the repository of `terraform/platform`: tags may be anything, this is what runs."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^sha256:[0-9a-f]{64}$", var.image_digest))
    error_message = "image_digest \"${var.image_digest}\" must be sha256: and 64 hexadecimal digits, as ECR tells them."
  }
}

variable "open" {
  description = "Whether there is an address. The first release has one made when the function has proved to answer; taken back, whoever asks is cut off."
  type        = bool
  default     = true
  nullable    = false
}

variable "memory_mb" {
  description = "Memory of the function in MB; 1769 buy one core."
  type        = number
  default     = 1769
  nullable    = false

  validation {
    condition     = var.memory_mb >= 256 && var.memory_mb <= 10240 && floor(var.memory_mb) == var.memory_mb
    error_message = "memory_mb must be a whole number from 256 to 10240."
  }
}

variable "timeout_seconds" {
  description = "Seconds after which Lambda ends a request."
  type        = number
  default     = 15
  nullable    = false

  validation {
    condition     = var.timeout_seconds >= 1 && var.timeout_seconds <= 29
    error_message = "timeout_seconds must be 1 to 29: API Gateway waits no longer."
  }
}

variable "reserved_concurrency" {
  description = "How many requests the function may answer at once, kept for it alone; null takes what the account has. An account must keep 100 for others, and new ones often have fewer."
  type        = number
  default     = null

  validation {
    condition     = var.reserved_concurrency == null || try(var.reserved_concurrency >= 1, false)
    error_message = "reserved_concurrency must be at least 1, or null."
  }
}

variable "public" {
  description = "Whether anybody may ask, through API Gateway; bootstrap's `may_be_public` must name the environment. Otherwise only whom IAM lets, by the function's URL."
  type        = bool
  default     = false
  nullable    = false
}

variable "public_requests_per_second" {
  description = "How many requests a second API Gateway lets through where `public` is true."
  type        = number
  default     = 20
  nullable    = false

  validation {
    condition     = var.public_requests_per_second >= 1
    error_message = "public_requests_per_second must be at least 1."
  }
}

variable "capture_rate" {
  description = "Share of the requests that are captured for monitoring, 0 to 1."
  type        = number
  default     = 0.1
  nullable    = false

  validation {
    condition     = var.capture_rate >= 0 && var.capture_rate <= 1
    error_message = "capture_rate must be from 0 to 1."
  }
}

variable "capture_text" {
  description = "What is captured of a text: its `hash`, the `text` itself, or `none`."
  type        = string
  default     = "hash"
  nullable    = false

  validation {
    condition     = contains(["hash", "text", "none"], var.capture_text)
    error_message = "capture_text must be hash, text or none."
  }
}

variable "keep_logs_days" {
  description = "Days that logs are kept."
  type        = number
  default     = 30
  nullable    = false

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.keep_logs_days)
    error_message = "keep_logs_days must be one of the numbers that CloudWatch Logs knows, as 7, 30, 90 or 365."
  }
}

variable "alarm_latency_ms" {
  description = "Milliseconds that 95 % of the answers to texts must take less than."
  type        = number
  default     = 500
  nullable    = false

  validation {
    condition     = var.alarm_latency_ms > 0
    error_message = "alarm_latency_ms must be more than 0."
  }
}

variable "alarm_low_confidence_percent" {
  description = "Percentage of the texts that may be answered with a score below one half."
  type        = number
  default     = 40
  nullable    = false

  validation {
    condition     = var.alarm_low_confidence_percent > 0 && var.alarm_low_confidence_percent <= 100
    error_message = "alarm_low_confidence_percent must be more than 0, and 100 at most."
  }
}
