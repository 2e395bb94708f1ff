locals {
  github_url = "https://token.actions.githubusercontent.com"
  provider_arn = one(concat(
    aws_iam_openid_connect_provider.github[*].arn,
    data.aws_iam_openid_connect_provider.github[*].arn,
  ))
}

# AWS checks GitHub's certificate by its own list of authorities: no thumbprint is needed
resource "aws_iam_openid_connect_provider" "github" {
  count = var.github_provider == "make" ? 1 : 0

  url            = local.github_url
  client_id_list = ["sts.amazonaws.com"]
}

data "aws_iam_openid_connect_provider" "github" {
  count = var.github_provider == "find" ? 1 : 0

  url = local.github_url
}

locals {
  # environment on GitHub, and whether its jobs run for the main branch alone
  roles = {
    plan              = { environment = null, main_only = false, policy = data.aws_iam_policy_document.plan.json }
    train             = { environment = "train", main_only = false, policy = data.aws_iam_policy_document.train.json }
    report            = { environment = "report", main_only = true, policy = data.aws_iam_policy_document.report.json }
    operate           = { environment = "operate", main_only = true, policy = data.aws_iam_policy_document.operate.json }
    infra             = { environment = "infra", main_only = true, policy = data.aws_iam_policy_document.infra.json }
    deploy-staging    = { environment = "staging", main_only = true, policy = data.aws_iam_policy_document.deploy["staging"].json }
    deploy-production = { environment = "production", main_only = true, policy = data.aws_iam_policy_document.deploy["production"].json }
  }
}

module "role" {
  source   = "../modules/github_role"
  for_each = local.roles

  name         = each.key
  project      = var.project
  provider_arn = local.provider_arn
  repository   = { for key in ["owner", "owner_id", "name", "id"] : key => var.github[key] }
  environment  = each.value.environment
  ref          = each.value.main_only ? "refs/heads/${var.github.branch}" : null
  policy       = each.value.policy
  boundary_arn = aws_iam_policy.github_boundary.arn
}
