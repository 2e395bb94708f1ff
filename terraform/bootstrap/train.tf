# Submits trainings, stops them, and pushes the training image. It cannot touch a function, or read what was captured.
data "aws_iam_policy_document" "train" {
  source_policy_documents = [
    data.aws_iam_policy_document.read_jobs.json,
    data.aws_iam_policy_document.use_data.json,
    data.aws_iam_policy_document.push_image["train"].json,
  ]

  statement {
    sid       = "Train"
    actions   = ["sagemaker:AddTags", "sagemaker:CreateTrainingJob", "sagemaker:StopTrainingJob"]
    resources = [local.jobs]
  }

  statement {
    sid       = "PassTrainingRole"
    actions   = ["iam:PassRole"]
    resources = [module.names.execution_role_arns["sagemaker"]]

    condition {
      test     = "StringEquals"
      variable = "iam:PassedToService"
      values   = ["sagemaker.amazonaws.com"]
    }
  }
}
