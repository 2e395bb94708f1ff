terraform {
  required_version = ">= 1.11"

  # bucket, region and key (one an environment) come by `make plan` and `make apply`
  backend "s3" {
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
      project     = var.project
      environment = var.environment
      root        = "serving"
      managed-by  = "terraform"
    }
  }
}
