# Beyond this no role of GitHub's goes, whatever is attached to it. Of IAM it is left the roles that AWS's services take for the
# project, each within their boundary: no role of GitHub's (its own among them), no boundary, no people, keys or providers.
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
    sid    = "RolesOfServices"
    effect = "Allow"
    actions = [
      "iam:DeleteRole",
      "iam:DeleteRolePolicy",
      "iam:GetRole",
      "iam:GetRolePolicy",
      "iam:ListAttachedRolePolicies",
      "iam:ListInstanceProfilesForRole",
      "iam:ListRolePolicies",
      "iam:PassRole",
      "iam:PutRolePolicy",
      "iam:TagRole",
      "iam:UntagRole",
      "iam:UpdateAssumeRolePolicy",
      "iam:UpdateRole",
    ]
    resources = ["arn:${module.names.partition}:iam::${module.names.account}:role${module.names.execution_path}*"]
  }

  statement {
    sid       = "RolesWithinTheirBoundary"
    effect    = "Allow"
    actions   = ["iam:CreateRole", "iam:PutRolePermissionsBoundary"]
    resources = ["arn:${module.names.partition}:iam::${module.names.account}:role${module.names.execution_path}*"]

    condition {
      test     = "StringEquals"
      variable = "iam:PermissionsBoundary"
      values   = [local.boundaries["execution"]]
    }
  }

  statement {
    sid       = "RoleOfEventBridge"
    effect    = "Allow"
    actions   = ["iam:CreateServiceLinkedRole"]
    resources = ["arn:${module.names.partition}:iam::${module.names.account}:role/aws-service-role/apidestinations.events.amazonaws.com/*"]
  }
}

# Beyond this no role that AWS's services take for the project goes: it names all that they do, and nothing of IAM or of the states.
data "aws_iam_policy_document" "execution_boundary" {
  statement {
    sid    = "Storage"
    effect = "Allow"
    actions = [
      "s3:AbortMultipartUpload",
      "s3:DeleteObject",
      "s3:GetBucketLocation",
      "s3:GetObject",
      "s3:ListBucket",
      "s3:ListBucketMultipartUploads",
      "s3:PutObject",
    ]
    resources = concat(local.storage, [for arn in local.storage : "${arn}/*"])
  }

  statement {
    sid       = "Key"
    effect    = "Allow"
    actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
    resources = [local.keys]
  }

  statement {
    sid       = "Images"
    effect    = "Allow"
    actions   = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
    resources = values(module.names.repository_arns)
  }

  statement {
    sid     = "Logs"
    effect  = "Allow"
    actions = ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"]
    resources = [
      "arn:${module.names.partition}:logs:${local.here}:log-group:/aws/lambda/${var.project}-*",
      "arn:${module.names.partition}:logs:${local.here}:log-group:/aws/sagemaker/TrainingJobs*",
    ]
  }

  statement {
    sid    = "Functions"
    effect = "Allow"
    actions = [
      "lambda:GetAlias",
      "lambda:GetFunction",
      "lambda:GetProvisionedConcurrencyConfig",
      "lambda:InvokeFunction",
      "lambda:UpdateAlias",
    ]
    resources = ["${local.lambda}:function:${var.project}-*"]
  }

  statement {
    sid     = "Events"
    effect  = "Allow"
    actions = ["events:InvokeApiDestination", "firehose:PutRecord", "firehose:PutRecordBatch"]
    resources = [
      "arn:${module.names.partition}:events:${local.here}:api-destination/${var.project}-*",
      "arn:${module.names.partition}:firehose:${local.here}:deliverystream/${var.project}-*",
    ]
  }

  statement {
    sid       = "Alarms"
    effect    = "Allow"
    actions   = ["cloudwatch:DescribeAlarms"]
    resources = [local.alarms]
  }

  statement {
    sid       = "NoResource"
    effect    = "Allow"
    actions   = ["cloudwatch:PutMetricData", "codedeploy:PutLifecycleEventHookExecutionStatus", "ecr:GetAuthorizationToken"]
    resources = ["*"] # the actions know no resource
  }
}

locals {
  boundaries = {
    for what in ["github", "execution"] :
    what => "arn:${module.names.partition}:iam::${module.names.account}:policy/${var.project}/${var.project}-${what}-boundary"
  }
}

resource "aws_iam_policy" "github_boundary" {
  name        = "${var.project}-github-boundary"
  path        = "/${var.project}/"
  description = "The most that a role of GitHub's jobs may ever do"
  policy      = data.aws_iam_policy_document.github_boundary.json
}

resource "aws_iam_policy" "execution_boundary" {
  name        = "${var.project}-execution-boundary"
  path        = "/${var.project}/"
  description = "The most that a role of AWS's services for ${var.project} may ever do"
  policy      = data.aws_iam_policy_document.execution_boundary.json
}
