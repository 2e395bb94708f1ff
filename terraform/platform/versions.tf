terraform {
  required_version = ">= 1.11"

  # bucket and region come by `make plan` and `make apply`
  backend "s3" {
    key          = "platform.tfstate"
    use_lockfile = true
    encrypt      = true
  }

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 5.100"
    }
  }
}

provider "aws" {
  region = var.region

  default_tags {
    tags = {
      project    = var.project
      root       = "platform"
      managed-by = "terraform"
    }
  }
}
