module "names" {
  source  = "../modules/names"
  project = var.project
}

locals {
  name = module.names.functions[var.environment]
  arn  = "arn:${module.names.partition}"
  here = "${module.names.region}:${module.names.account}"

  topic = "${local.arn}:sns:${local.here}:${var.project}-alerts"
  image = "${module.names.account}.dkr.ecr.${module.names.region}.amazonaws.com/${module.names.repositories.serve}@${var.image_digest}"
}

data "aws_ecr_repositories" "made" {}

data "aws_kms_alias" "this" {
  name = "alias/${var.project}"

  lifecycle {
    precondition {
      condition     = try(contains(data.aws_ecr_repositories.made.names, module.names.repositories.serve), false) # null where there is none
      error_message = "The repository ${module.names.repositories.serve} does not exist: `make apply ROOT=platform` comes first."
    }
  }
}

# A state belongs to one project and environment. Another name would have everything destroyed and made anew.
resource "terraform_data" "project" {
  input = local.name

  lifecycle {
    ignore_changes = [input]

    postcondition {
      condition     = self.output == local.name
      error_message = "This state is that of \"${self.output}\", not \"${local.name}\": give `project` its old name back, or start with an empty state."
    }
  }
}
