# Plans on pull requests, without a lock: it reads what is there, and changes nothing. It reads no captured text, no
# training data, and of the states platform's alone.
data "aws_iam_policy_document" "plan" {
  source_policy_documents = [data.aws_iam_policy_document.read_platform.json]

  statement {
    sid       = "FindState"
    actions   = ["s3:ListBucket"]
    resources = [module.names.bucket_arns["state"]]

    condition {
      test     = "StringLike"
      variable = "s3:prefix"
      values   = ["platform.tfstate*"]
    }
  }

  statement {
    sid       = "ReadState"
    actions   = ["s3:GetObject"]
    resources = ["${module.names.bucket_arns["state"]}/platform.tfstate"]
  }
}
