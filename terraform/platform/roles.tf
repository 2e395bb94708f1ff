# What AWS's services may do for the project. Made here, so that whoever deploys needs only to pass them.
locals {
  arn          = "arn:${module.names.partition}"
  here         = "${module.names.region}:${module.names.account}"
  boundary_arn = "${local.arn}:iam::${module.names.account}:policy/${var.project}/${var.project}-execution-boundary"

  service_roles = merge(
    {
      sagemaker    = { service = "sagemaker.amazonaws.com", policy = data.aws_iam_policy_document.sagemaker.json }
      codedeploy   = { service = "codedeploy.amazonaws.com", policy = data.aws_iam_policy_document.codedeploy.json }
      firehose     = { service = "firehose.amazonaws.com", policy = data.aws_iam_policy_document.firehose.json }
      subscription = { service = "logs.amazonaws.com", policy = data.aws_iam_policy_document.subscription.json }
    },
    {
      for environment, function in module.names.functions : "lambda-${environment}" => {
        service = "lambda.amazonaws.com"
        policy  = data.aws_iam_policy_document.lambda[environment].json
      }
    },
    {
      for environment, function in module.names.functions : "smoke-${environment}" => {
        service = "lambda.amazonaws.com"
        policy  = data.aws_iam_policy_document.smoke[environment].json
      }
    },
  )
}

module "service_role" {
  source   = "../modules/service_role"
  for_each = local.service_roles

  name         = module.names.execution_roles[each.key]
  path         = module.names.execution_path
  service      = each.value.service
  policy       = each.value.policy
  boundary_arn = local.boundary_arn
}

# a training job: its inputs, checkpoints and results, its image and its log
data "aws_iam_policy_document" "sagemaker" {
  statement {
    sid       = "ListArtifacts"
    actions   = ["s3:GetBucketLocation", "s3:ListBucket"]
    resources = [module.artifacts.arn]
  }

  statement {
    sid       = "ReadAndWriteJobs"
    actions   = ["s3:AbortMultipartUpload", "s3:DeleteObject", "s3:GetObject", "s3:PutObject"]
    resources = ["${module.artifacts.arn}/${var.project}/*"]
  }

  statement {
    sid       = "UseKey"
    actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
    resources = [aws_kms_key.this.arn]
  }

  statement {
    sid       = "PullImage"
    actions   = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
    resources = [module.train_images.arn]
  }

  statement {
    sid       = "LogInToRegistry"
    actions   = ["ecr:GetAuthorizationToken"]
    resources = ["*"] # the action knows no resource
  }

  statement {
    sid     = "WriteLog"
    actions = ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"]
    resources = [
      "${local.arn}:logs:${local.here}:log-group:/aws/sagemaker/TrainingJobs",
      "${local.arn}:logs:${local.here}:log-group:/aws/sagemaker/TrainingJobs:*",
    ]
  }

  statement {
    sid       = "TellMetrics"
    actions   = ["cloudwatch:PutMetricData"]
    resources = ["*"] # the action knows no resource: the condition names what it may write to

    condition {
      test     = "StringEquals"
      variable = "cloudwatch:namespace"
      values   = ["/aws/sagemaker/TrainingJobs"]
    }
  }
}

# the function writes its log, and can do nothing else
data "aws_iam_policy_document" "lambda" {
  for_each = module.names.functions

  statement {
    sid     = "WriteLog"
    actions = ["logs:CreateLogStream", "logs:PutLogEvents"]
    resources = [
      "${local.arn}:logs:${local.here}:log-group:/aws/lambda/${each.value}:*",
    ]
  }
}

# the smoke hook writes its log, and tells CodeDeploy what it found
data "aws_iam_policy_document" "smoke" {
  for_each = module.names.functions

  statement {
    sid       = "WriteLog"
    actions   = ["logs:CreateLogStream", "logs:PutLogEvents"]
    resources = ["${local.arn}:logs:${local.here}:log-group:/aws/lambda/${each.value}-smoke:*"]
  }

  statement {
    sid       = "TellWhetherItHolds"
    actions   = ["codedeploy:PutLifecycleEventHookExecutionStatus"]
    resources = ["*"] # the action knows no resource: what it names is a deployment that waits for this very answer
  }
}

# shifts the alias, asks the smoke hook, and looks at the alarms
data "aws_iam_policy_document" "codedeploy" {
  statement {
    sid       = "ShiftAlias"
    actions   = ["lambda:GetAlias", "lambda:GetFunction", "lambda:GetProvisionedConcurrencyConfig", "lambda:UpdateAlias"]
    resources = flatten([for name in values(module.names.functions) : ["${local.arn}:lambda:${local.here}:function:${name}", "${local.arn}:lambda:${local.here}:function:${name}:*"]])
  }

  statement {
    sid       = "AskSmokeHook"
    actions   = ["lambda:InvokeFunction"]
    resources = [for name in values(module.names.functions) : "${local.arn}:lambda:${local.here}:function:${name}-smoke"]
  }

  statement {
    sid       = "LookAtAlarms"
    actions   = ["cloudwatch:DescribeAlarms"]
    resources = ["${local.arn}:cloudwatch:${local.here}:alarm:*"] # who describes some asks for all
  }
}

data "aws_iam_policy_document" "firehose" {
  statement {
    sid       = "WriteCaptures"
    actions   = ["s3:AbortMultipartUpload", "s3:GetBucketLocation", "s3:ListBucket", "s3:ListBucketMultipartUploads", "s3:PutObject"]
    resources = [module.captures.arn, "${module.captures.arn}/*"]
  }

  statement {
    sid       = "UseKey"
    actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
    resources = [aws_kms_key.this.arn]
  }
}

# CloudWatch Logs hands captured lines on
data "aws_iam_policy_document" "subscription" {
  statement {
    sid       = "HandOn"
    actions   = ["firehose:PutRecord", "firehose:PutRecordBatch"]
    resources = [for name in values(module.names.functions) : "${local.arn}:firehose:${local.here}:deliverystream/${name}-captures"]
  }
}
