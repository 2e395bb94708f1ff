locals {
  job = var.environment == null ? "pull_request" : "environment:${var.environment}"

  # Repositories created, renamed or transferred since 2026-07-15 say their numbers, others do not:
  # https://docs.github.com/en/actions/reference/security/oidc
  subjects = [
    "repo:${var.repository.owner}/${var.repository.name}:${local.job}",
    "repo:${var.repository.owner}@${var.repository.owner_id}/${var.repository.name}@${var.repository.id}:${local.job}",
  ]

  claims = merge(
    {
      aud           = ["sts.amazonaws.com"]
      sub           = local.subjects
      repository_id = [var.repository.id]
    },
    var.environment == null ? {} : { environment = [var.environment] },
    var.ref == null ? {} : { ref = [var.ref] },
  )
}

data "aws_iam_policy_document" "trust" {
  statement {
    actions = ["sts:AssumeRoleWithWebIdentity"]

    principals {
      type        = "Federated"
      identifiers = [var.provider_arn]
    }

    dynamic "condition" {
      for_each = local.claims

      content {
        test     = "StringEquals"
        variable = "token.actions.githubusercontent.com:${condition.key}"
        values   = condition.value
      }
    }
  }
}

resource "aws_iam_role" "this" {
  name                 = "${var.project}-${var.name}"
  path                 = "/${var.project}/github/"
  description          = "GitHub: ${local.job} of ${var.repository.owner}/${var.repository.name}"
  assume_role_policy   = data.aws_iam_policy_document.trust.json
  permissions_boundary = var.boundary_arn
  max_session_duration = 3600
}

resource "aws_iam_role_policy" "this" {
  name   = "permissions"
  role   = aws_iam_role.this.id
  policy = var.policy
}

# nothing besides, whoever attached it
resource "aws_iam_role_policies_exclusive" "this" {
  role_name    = aws_iam_role.this.name
  policy_names = [aws_iam_role_policy.this.name]
}

resource "aws_iam_role_policy_attachments_exclusive" "this" {
  role_name   = aws_iam_role.this.name
  policy_arns = []
}
