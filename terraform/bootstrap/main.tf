module "names" {
  source  = "../modules/names"
  project = var.project
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

module "logs" {
  source        = "../modules/bucket"
  name          = module.names.buckets.logs
  expire_days   = { "" = 365 }
  log_writers   = [for what in ["state", "data", "artifacts", "captures"] : module.names.bucket_arns[what]]
  force_destroy = var.may_empty_buckets
}

module "state" {
  source                   = "../modules/bucket"
  name                     = module.names.buckets.state
  log_bucket               = module.logs
  expire_old_versions_days = 365
  force_destroy            = var.may_empty_buckets
}
