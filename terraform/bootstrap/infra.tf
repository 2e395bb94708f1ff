# Applies terraform/platform: what stores, tells and shows. Roles and the key are not its own to make or change.
locals {
  storage = [for what in ["data", "artifacts", "captures"] : module.names.bucket_arns[what]]
  topic   = "arn:${module.names.partition}:sns:${local.here}:${var.project}-alerts"
  queue   = "arn:${module.names.partition}:sqs:${local.here}:${var.project}-undelivered-events"
  rule    = "arn:${module.names.partition}:events:${local.here}:rule/${var.project}-trainings"
  github_events = [
    "arn:${module.names.partition}:events:${local.here}:api-destination/${var.project}-github",
    "arn:${module.names.partition}:events:${local.here}:api-destination/${var.project}-github/*",
    "arn:${module.names.partition}:events:${local.here}:connection/${var.project}-github",
    "arn:${module.names.partition}:events:${local.here}:connection/${var.project}-github/*",
  ]
  overview = "arn:${module.names.partition}:cloudwatch::${module.names.account}:dashboard/${var.project}-overview"
  budget   = "arn:${module.names.partition}:budgets::${module.names.account}:budget/${var.project}-monthly"
}

data "aws_iam_policy_document" "infra" {
  source_policy_documents = [
    data.aws_iam_policy_document.state["platform"].json,
    data.aws_iam_policy_document.read_platform.json,
  ]

  statement {
    sid = "Buckets"
    actions = [
      "s3:CreateBucket",
      "s3:DeleteBucket",
      "s3:DeleteBucketPolicy",
      "s3:PutBucketLogging",
      "s3:PutBucketOwnershipControls",
      "s3:PutBucketPolicy",
      "s3:PutBucketPublicAccessBlock",
      "s3:PutBucketTagging",
      "s3:PutBucketVersioning",
      "s3:PutEncryptionConfiguration",
      "s3:PutLifecycleConfiguration",
    ]
    resources = local.storage
  }

  statement {
    sid = "Repositories"
    actions = [
      "ecr:CreateRepository",
      "ecr:DeleteLifecyclePolicy",
      "ecr:DeleteRepository",
      "ecr:DeleteRepositoryPolicy",
      "ecr:PutImageScanningConfiguration",
      "ecr:PutImageTagMutability",
      "ecr:PutLifecyclePolicy",
      "ecr:SetRepositoryPolicy",
      "ecr:TagResource",
      "ecr:UntagResource",
    ]
    resources = values(module.names.repository_arns)
  }

  statement {
    sid       = "PassEventsRole"
    actions   = ["iam:PassRole"]
    resources = [module.names.execution_role_arns["events"]]

    condition {
      test     = "StringEquals"
      variable = "iam:PassedToService"
      values   = ["events.amazonaws.com"]
    }
  }

  # what is encrypted by it is made on the caller's account
  statement {
    sid       = "LetServicesUseKey"
    actions   = ["kms:CreateGrant", "kms:Decrypt", "kms:GenerateDataKey", "kms:RetireGrant"]
    resources = [aws_kms_key.this.arn]
  }

  statement {
    sid = "Alerts"
    actions = [
      "sns:CreateTopic",
      "sns:DeleteTopic",
      "sns:SetTopicAttributes",
      "sns:Subscribe",
      "sns:TagResource",
      "sns:UntagResource",
    ]
    resources = [local.topic]
  }

  statement {
    sid       = "Unsubscribe"
    actions   = ["sns:Unsubscribe"]
    resources = ["*"] # the action knows no resource
  }

  statement {
    sid = "Events"
    actions = [
      "events:DeleteRule",
      "events:PutRule",
      "events:PutTargets",
      "events:RemoveTargets",
      "events:TagResource",
      "events:UntagResource",
    ]
    resources = [local.rule]
  }

  statement {
    sid = "EventsToGitHub"
    actions = [
      "events:CreateApiDestination",
      "events:CreateConnection",
      "events:DeleteApiDestination",
      "events:DeleteConnection",
      "events:UpdateApiDestination",
      "events:UpdateConnection",
    ]
    resources = local.github_events
  }

  # EventBridge reads that secret by a role of its own, made with the account's first connection
  statement {
    sid       = "RoleOfEventBridge"
    actions   = ["iam:CreateServiceLinkedRole"]
    resources = ["arn:${module.names.partition}:iam::${module.names.account}:role/aws-service-role/apidestinations.events.amazonaws.com/*"]

    condition {
      test     = "StringEquals"
      variable = "iam:AWSServiceName"
      values   = ["apidestinations.events.amazonaws.com"]
    }
  }

  # EventBridge keeps a connection's token in a secret of its own, made on the caller's account
  statement {
    sid = "SecretOfConnection"
    actions = [
      "secretsmanager:CreateSecret",
      "secretsmanager:DeleteSecret",
      "secretsmanager:DescribeSecret",
      "secretsmanager:PutSecretValue",
      "secretsmanager:UpdateSecret",
    ]
    resources = ["arn:${module.names.partition}:secretsmanager:${local.here}:secret:events!connection/${var.project}-github/*"]
  }

  statement {
    sid = "UndeliveredEvents"
    actions = [
      "sqs:CreateQueue",
      "sqs:DeleteQueue",
      "sqs:SetQueueAttributes",
      "sqs:TagQueue",
      "sqs:UntagQueue",
    ]
    resources = [local.queue]
  }

  statement {
    sid       = "Budget"
    actions   = ["budgets:ModifyBudget", "budgets:TagResource", "budgets:UntagResource"]
    resources = [local.budget]
  }

  statement {
    sid       = "Dashboard"
    actions   = ["cloudwatch:DeleteDashboards", "cloudwatch:PutDashboard"]
    resources = [local.overview]
  }
}

# what a plan of terraform/platform looks at
data "aws_iam_policy_document" "read_platform" {
  statement {
    sid = "ReadBuckets"
    actions = [
      "s3:GetAccelerateConfiguration",
      "s3:GetBucketAcl",
      "s3:GetBucketCORS",
      "s3:GetBucketLocation",
      "s3:GetBucketLogging",
      "s3:GetBucketObjectLockConfiguration",
      "s3:GetBucketOwnershipControls",
      "s3:GetBucketPolicy",
      "s3:GetBucketPublicAccessBlock",
      "s3:GetBucketRequestPayment",
      "s3:GetBucketTagging",
      "s3:GetBucketVersioning",
      "s3:GetBucketWebsite",
      "s3:GetEncryptionConfiguration",
      "s3:GetLifecycleConfiguration",
      "s3:GetReplicationConfiguration",
      "s3:ListBucket",
    ]
    resources = local.storage
  }

  statement {
    sid = "ReadRepositories"
    actions = [
      "ecr:DescribeRepositories",
      "ecr:GetLifecyclePolicy",
      "ecr:GetRepositoryPolicy",
      "ecr:ListTagsForResource",
    ]
    resources = values(module.names.repository_arns)
  }

  statement {
    sid       = "FindRoles"
    actions   = ["iam:ListRoles"]
    resources = ["*"] # the action knows no resource
  }

  statement {
    sid       = "ReadKey"
    actions   = ["kms:DescribeKey"]
    resources = [aws_kms_key.this.arn]
  }

  statement {
    sid       = "FindAliases"
    actions   = ["kms:ListAliases"]
    resources = ["*"] # the action lists
  }

  statement {
    sid       = "ReadAlerts"
    actions   = ["sns:GetTopicAttributes", "sns:ListTagsForResource"]
    resources = [local.topic]
  }

  statement {
    sid       = "ReadSubscriptions"
    actions   = ["sns:GetSubscriptionAttributes"]
    resources = ["*"] # the action knows no resource
  }

  statement {
    sid       = "ReadEvents"
    actions   = ["events:DescribeRule", "events:ListTagsForResource", "events:ListTargetsByRule"]
    resources = [local.rule]
  }

  statement {
    sid       = "ReadEventsToGitHub"
    actions   = ["events:DescribeApiDestination", "events:DescribeConnection"]
    resources = local.github_events
  }

  statement {
    sid       = "ReadUndeliveredEvents"
    actions   = ["sqs:GetQueueAttributes", "sqs:GetQueueUrl", "sqs:ListQueueTags"]
    resources = [local.queue]
  }

  statement {
    sid       = "ReadBudget"
    actions   = ["budgets:ListTagsForResource", "budgets:ViewBudget"]
    resources = [local.budget]
  }

  statement {
    sid       = "ReadDashboard"
    actions   = ["cloudwatch:GetDashboard"]
    resources = [local.overview]
  }
}
