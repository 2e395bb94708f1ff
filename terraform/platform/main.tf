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
