module "names" {
  source  = "../modules/names"
  project = var.project
}

locals {
  arn  = "arn:${module.names.partition}"
  here = "${module.names.region}:${module.names.account}"
}

data "aws_iam_roles" "made" {
  path_prefix = module.names.execution_path
}

data "aws_kms_alias" "this" {
  name = "alias/${var.project}"

  lifecycle {
    precondition {
      condition     = contains(data.aws_iam_roles.made.names, module.names.execution_roles.sagemaker)
      error_message = "The role ${module.names.execution_roles.sagemaker} does not exist: `make bootstrap` comes first."
    }
  }
}

# A state belongs to one project. Another name would have everything destroyed and made anew.
resource "terraform_data" "project" {
  input = var.project

  lifecycle {
    ignore_changes = [input]

    postcondition {
      condition     = self.output == var.project
      error_message = "This state is that of project \"${self.output}\", not \"${var.project}\": give `project` its old name back, or start with an empty state."
    }
  }
}
