# What several roles may do, and the ARNs that their policies name.
locals {
  here   = "${module.names.region}:${module.names.account}"
  lambda = "arn:${module.names.partition}:lambda:${local.here}"
  jobs   = "arn:${module.names.partition}:sagemaker:${local.here}:training-job/${var.project}-*"
  # who describes some asks for all
  alarms = "arn:${module.names.partition}:cloudwatch:${local.here}:alarm:*"

}

data "aws_iam_policy_document" "push_image" {
  for_each = module.names.repository_arns

  statement {
    sid = "PushImage"
    actions = [
      "ecr:BatchCheckLayerAvailability",
      "ecr:BatchGetImage",
      "ecr:CompleteLayerUpload",
      "ecr:DescribeImages",
      "ecr:GetDownloadUrlForLayer",
      "ecr:InitiateLayerUpload",
      "ecr:PutImage",
      "ecr:UploadLayerPart",
    ]
    resources = [each.value]
  }

  statement {
    sid       = "LogInToRegistry"
    actions   = ["ecr:GetAuthorizationToken"]
    resources = ["*"] # the action knows no resource
  }
}

data "aws_iam_policy_document" "read_jobs" {
  statement {
    sid       = "ReadTrainings"
    actions   = ["sagemaker:DescribeTrainingJob", "sagemaker:ListTags"]
    resources = [local.jobs]
  }

  statement {
    sid       = "ListTrainings"
    actions   = ["sagemaker:ListTrainingJobs"]
    resources = ["*"] # the action knows no resource
  }

  statement {
    sid     = "ReadTrainingLogs"
    actions = ["logs:DescribeLogStreams", "logs:GetLogEvents"]
    resources = [
      "arn:${module.names.partition}:logs:${local.here}:log-group:/aws/sagemaker/TrainingJobs:*",
    ]
  }

  statement {
    sid       = "FindTrainingImage"
    actions   = ["ecr:DescribeImages"]
    resources = [module.names.repository_arns["train"]]
  }
}

# the DVC remote, and the inputs and results of trainings
data "aws_iam_policy_document" "use_data" {
  statement {
    sid       = "ListData"
    actions   = ["s3:GetBucketLocation", "s3:ListBucket", "s3:ListBucketMultipartUploads"]
    resources = [for what in ["data", "artifacts"] : module.names.bucket_arns[what]]
  }

  statement {
    sid = "ReadAndAddData"
    actions = [
      "s3:AbortMultipartUpload",
      "s3:GetObject",
      "s3:ListMultipartUploadParts",
      "s3:PutObject",
    ]
    resources = [for what in ["data", "artifacts"] : "${module.names.bucket_arns[what]}/*"]
  }

  statement {
    sid       = "UseKey"
    actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
    resources = [aws_kms_key.this.arn]
  }
}
