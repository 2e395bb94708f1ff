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

variable "github" {
  description = "The repository on GitHub, by name and by number: `gh api repos/OWNER/NAME --jq '.owner.id, .id'`."
  nullable    = false

  type = object({
    owner    = string
    owner_id = string
    name     = string
    id       = string
    branch   = optional(string, "main")
  })

  validation {
    condition     = can(regex("^[A-Za-z0-9][A-Za-z0-9_-]{0,38}$", var.github.owner))
    error_message = "github.owner \"${var.github.owner}\" is no name of a user or organisation on GitHub."
  }

  validation {
    condition     = can(regex("^[A-Za-z0-9._-]+$", var.github.name))
    error_message = "github.name \"${var.github.name}\" is no name of a repository: give it without its owner."
  }

  validation {
    condition     = can(regex("^[1-9][0-9]*$", var.github.owner_id)) && can(regex("^[1-9][0-9]*$", var.github.id))
    error_message = "github.owner_id and github.id are the numbers of owner and repository, to be put into terraform/bootstrap/terraform.tfvars: gh api repos/OWNER/NAME --jq '.owner.id, .id'"
  }

  validation {
    condition     = can(regex("^[A-Za-z0-9._/-]+$", var.github.branch))
    error_message = "github.branch \"${var.github.branch}\" is no name of a branch."
  }
}

variable "github_provider" {
  description = "`make` the account's OIDC provider of GitHub, or `find` it where another project has made it: there is one an account."
  type        = string
  default     = "make"
  nullable    = false

  validation {
    condition     = contains(["make", "find"], var.github_provider)
    error_message = "github_provider must be `make` or `find`."
  }
}

variable "may_be_public" {
  description = "Environments whose deploy role may give the function an address for everybody, where serving's `public` asks for it."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = length(setsubtract(var.may_be_public, ["staging", "production"])) == 0
    error_message = "may_be_public must hold staging, production, both or neither."
  }
}

variable "may_empty_buckets" {
  description = "Whether `make destroy` removes the state bucket with all that is in it."
  type        = bool
  default     = false
  nullable    = false
}
