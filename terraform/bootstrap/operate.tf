# Sweeps: finds what has ended, stops what nobody waits for any more, and looks at what production says of itself.
data "aws_iam_policy_document" "operate" {
  source_policy_documents = [data.aws_iam_policy_document.read_jobs.json]

  statement {
    sid       = "StopTrainings"
    actions   = ["sagemaker:StopTrainingJob"]
    resources = [local.jobs]
  }

  statement {
    sid       = "ReadFunctions"
    actions   = ["lambda:GetAlias", "lambda:GetFunction", "lambda:GetFunctionConfiguration", "lambda:GetFunctionUrlConfig", "lambda:ListVersionsByFunction"]
    resources = flatten([for name in values(module.names.functions) : ["${local.lambda}:function:${name}", "${local.lambda}:function:${name}:*"]])
  }

  # what answers, what is in the registry, and what a release was taken back for
  statement {
    sid       = "FindFunctionsImage"
    actions   = ["ecr:DescribeImages"]
    resources = [module.names.repository_arns["serve"]]
  }

  statement {
    sid       = "ReadReleases"
    actions   = ["codedeploy:GetDeployment", "codedeploy:ListDeployments"]
    resources = [for name in values(module.names.functions) : "arn:${module.names.partition}:codedeploy:${local.here}:deploymentgroup:${name}/*"]
  }

  statement {
    sid       = "LookAtAlarms"
    actions   = ["cloudwatch:DescribeAlarms"]
    resources = [local.alarms]
  }

  statement {
    sid       = "ReadMetrics"
    actions   = ["cloudwatch:GetMetricData"]
    resources = ["*"] # the action knows no resource
  }

  statement {
    sid       = "ReadCaptures"
    actions   = ["s3:GetObject"]
    resources = ["${module.names.bucket_arns["captures"]}/*"]
  }

  statement {
    sid       = "ListCaptures"
    actions   = ["s3:ListBucket"]
    resources = [module.names.bucket_arns["captures"]]
  }

  statement {
    sid       = "DecryptCaptures"
    actions   = ["kms:Decrypt"]
    resources = [aws_kms_key.this.arn]
  }
}
