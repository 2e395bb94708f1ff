data "aws_caller_identity" "current" {}

data "aws_iam_policy_document" "trust" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = [var.service]
    }

    # only for this account: the service acts for others, too. Firehose tells it by another name:
    # https://docs.aws.amazon.com/firehose/latest/dev/controlling-access.html
    condition {
      test     = "StringEquals"
      variable = var.service == "firehose.amazonaws.com" ? "sts:ExternalId" : "aws:SourceAccount"
      values   = [data.aws_caller_identity.current.account_id]
    }
  }
}

resource "aws_iam_role" "this" {
  name               = var.name
  path               = var.path
  description        = "Taken by ${var.service}"
  assume_role_policy = data.aws_iam_policy_document.trust.json
}

resource "aws_iam_role_policy" "this" {
  name   = "permissions"
  role   = aws_iam_role.this.id
  policy = var.policy
}
