# One key for all that the project stores. Roles use it by their own policies; services that write by themselves, by its policy.
data "aws_iam_policy_document" "key" {
  statement {
    sid       = "AccountDecides"
    actions   = ["kms:*"] # the account's own policies say who may what; without this nobody could change the key any more
    resources = ["*"]     # in a key's policy: this key

    principals {
      type        = "AWS"
      identifiers = ["arn:${module.names.partition}:iam::${module.names.account}:root"]
    }
  }

  # EventBridge says of no account that it comes from: https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html
  statement {
    sid       = "EventsPublish"
    actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
    resources = ["*"] # in a key's policy: this key

    principals {
      type        = "Service"
      identifiers = ["events.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "kms:EncryptionContext:aws:sns:topicArn"
      values   = [local.topic]
    }
  }

  # alarms are published to the encrypted topic, by services that have no role of ours
  statement {
    sid       = "ServicesPublish"
    actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
    resources = ["*"] # in a key's policy: this key

    principals {
      type        = "Service"
      identifiers = ["budgets.amazonaws.com", "cloudwatch.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [module.names.account]
    }
  }

  statement {
    sid       = "LogsAreEncrypted"
    actions   = ["kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey", "kms:ReEncryptFrom", "kms:ReEncryptTo"]
    resources = ["*"] # in a key's policy: this key

    principals {
      type        = "Service"
      identifiers = ["logs.${module.names.region}.amazonaws.com"]
    }

    condition {
      test     = "ArnLike"
      variable = "kms:EncryptionContext:aws:logs:arn"
      values = [
        for name in values(module.names.functions) :
        "arn:${module.names.partition}:logs:${module.names.region}:${module.names.account}:log-group:/aws/lambda/${name}*"
      ]
    }
  }
}

resource "aws_kms_key" "this" {
  description             = "What ${var.project} stores"
  enable_key_rotation     = true
  deletion_window_in_days = 30
  policy                  = data.aws_iam_policy_document.key.json
}

resource "aws_kms_alias" "this" {
  name          = "alias/${var.project}"
  target_key_id = aws_kms_key.this.key_id
}
