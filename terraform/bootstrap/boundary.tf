# Beyond this no role of GitHub's goes, whatever is attached to it. Of IAM it is left to hand the project's roles on to AWS's
# services: it changes none, its own among them, and makes no role, boundary, people, access keys or providers.
data "aws_iam_policy_document" "github_boundary" {
  #checkov:skip=CKV_AWS_107:a boundary grants nothing: no role may more than its own policy says
  #checkov:skip=CKV_AWS_108:a boundary grants nothing: no role may more than its own policy says
  #checkov:skip=CKV_AWS_109:a boundary grants nothing: no role may more than its own policy says
  #checkov:skip=CKV_AWS_110:a boundary grants nothing: no role may more than its own policy says
  #checkov:skip=CKV_AWS_111:a boundary grants nothing: no role may more than its own policy says
  #checkov:skip=CKV_AWS_356:a boundary grants nothing: no role may more than its own policy says

  statement {
    sid    = "AllButIdentities"
    effect = "Allow"
    # whole services: here a * takes away, and takes what AWS will add to them, too
    not_actions = ["account:*", "iam:*", "identitystore:*", "organizations:*", "sso:*", "sts:*"]
    resources   = ["*"] # a boundary grants nothing: what is granted is in the roles' own policies
  }

  statement {
    sid       = "FindRoles"
    effect    = "Allow"
    actions   = ["iam:ListRoles"]
    resources = ["*"] # the action knows no resource
  }

  statement {
    sid       = "RolesOfServices"
    effect    = "Allow"
    actions   = ["iam:PassRole"]
    resources = ["arn:${module.names.partition}:iam::${module.names.account}:role${module.names.execution_path}*"]
  }

  statement {
    sid       = "RoleOfEventBridge"
    effect    = "Allow"
    actions   = ["iam:CreateServiceLinkedRole"]
    resources = ["arn:${module.names.partition}:iam::${module.names.account}:role/aws-service-role/apidestinations.events.amazonaws.com/*"]
  }
}

resource "aws_iam_policy" "github_boundary" {
  name        = "${var.project}-github-boundary"
  path        = "/${var.project}/"
  description = "The most that a role of GitHub's jobs may ever do"
  policy      = data.aws_iam_policy_document.github_boundary.json
}
