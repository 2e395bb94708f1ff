# What AWS's services may do for the project. Made by a person, as GitHub's roles are: whoever deploys needs only to pass them, and
# no job on GitHub can widen one. Those that serve an environment may touch nothing of the other.
locals {
  arn = "arn:${module.names.partition}"

  service_roles = merge(
    {
      sagemaker = { service = "sagemaker.amazonaws.com", policy = data.aws_iam_policy_document.sagemaker.json }
      events    = { service = "events.amazonaws.com", policy = data.aws_iam_policy_document.events.json }
    },
    [
      for environment, function in module.names.functions : {
        "lambda-${environment}"       = { service = "lambda.amazonaws.com", policy = data.aws_iam_policy_document.lambda[environment].json }
        "smoke-${environment}"        = { service = "lambda.amazonaws.com", policy = data.aws_iam_policy_document.smoke[environment].json }
        "codedeploy-${environment}"   = { service = "codedeploy.amazonaws.com", policy = data.aws_iam_policy_document.codedeploy[environment].json }
        "firehose-${environment}"     = { service = "firehose.amazonaws.com", policy = data.aws_iam_policy_document.firehose[environment].json }
        "subscription-${environment}" = { service = "logs.amazonaws.com", policy = data.aws_iam_policy_document.subscription[environment].json }
      }
    ]...
  )
}

module "service_role" {
  source   = "../modules/service_role"
  for_each = local.service_roles

  name    = module.names.execution_roles[each.key]
  path    = module.names.execution_path
  service = each.value.service
  policy  = each.value.policy
}

# a training job: its inputs, checkpoints and results, its image and its log
data "aws_iam_policy_document" "sagemaker" {
  statement {
    sid       = "ListArtifacts"
    actions   = ["s3:GetBucketLocation", "s3:ListBucket"]
    resources = [module.names.bucket_arns.artifacts]
  }

  statement {
    sid       = "ReadAndWriteJobs"
    actions   = ["s3:AbortMultipartUpload", "s3:DeleteObject", "s3:GetObject", "s3:PutObject"]
    resources = ["${module.names.bucket_arns.artifacts}/${var.project}/*"]
  }

  statement {
    sid       = "UseKey"
    actions   = ["kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey"]
    resources = [aws_kms_key.this.arn]
  }

  # where `compute.kms_key` encrypts the machines' volumes
  statement {
    sid       = "LetVolumesUseKey"
    actions   = ["kms:CreateGrant"]
    resources = [aws_kms_key.this.arn]

    condition {
      test     = "Bool"
      variable = "kms:GrantIsForAWSResource"
      values   = ["true"]
    }
  }

  statement {
    sid       = "PullImage"
    actions   = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
    resources = [module.names.repository_arns.train]
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

# the smoke hook writes its log, looks which version a deployment brings, asks it, and tells CodeDeploy what it found
data "aws_iam_policy_document" "smoke" {
  for_each = module.names.functions

  statement {
    sid       = "WriteLog"
    actions   = ["logs:CreateLogStream", "logs:PutLogEvents"]
    resources = ["${local.arn}:logs:${local.here}:log-group:/aws/lambda/${each.value}-smoke:*"]
  }

  statement {
    sid       = "AskVersions"
    actions   = ["lambda:InvokeFunction"]
    resources = ["${local.lambda}:function:${each.value}:*"]
  }

  statement {
    sid       = "LookWhichVersion"
    actions   = ["codedeploy:GetDeployment"]
    resources = ["${local.arn}:codedeploy:${local.here}:deploymentgroup:${each.value}/*"]
  }

  statement {
    sid       = "TellWhetherItHolds"
    actions   = ["codedeploy:PutLifecycleEventHookExecutionStatus"]
    resources = ["*"] # the action knows no resource: what it names is a deployment that waits for this very answer
  }
}

# shifts the alias, asks the smoke hook, and looks at the alarms
data "aws_iam_policy_document" "codedeploy" {
  for_each = module.names.functions

  statement {
    sid       = "ShiftAlias"
    actions   = ["lambda:GetAlias", "lambda:GetFunction", "lambda:GetProvisionedConcurrencyConfig", "lambda:UpdateAlias"]
    resources = [for each in [each.value, "${each.value}:*"] : "${local.lambda}:function:${each}"]
  }

  statement {
    sid       = "AskSmokeHook"
    actions   = ["lambda:InvokeFunction"]
    resources = ["${local.lambda}:function:${each.value}-smoke"]
  }

  statement {
    sid       = "LookAtAlarms"
    actions   = ["cloudwatch:DescribeAlarms"]
    resources = [local.alarms] # who describes some asks for all
  }
}

data "aws_iam_policy_document" "firehose" {
  for_each = module.names.functions

  statement {
    sid       = "WriteCaptures"
    actions   = ["s3:AbortMultipartUpload", "s3:PutObject"]
    resources = [for each in [each.key, "failed/${each.key}"] : "${module.names.bucket_arns.captures}/${each}/*"]
  }

  statement {
    sid       = "FindCaptures"
    actions   = ["s3:GetBucketLocation", "s3:ListBucket", "s3:ListBucketMultipartUploads"]
    resources = [module.names.bucket_arns.captures]
  }

  statement {
    sid       = "UseKey"
    actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
    resources = [aws_kms_key.this.arn]
  }
}

# CloudWatch Logs hands captured lines on
data "aws_iam_policy_document" "subscription" {
  for_each = module.names.functions

  statement {
    sid       = "HandOn"
    actions   = ["firehose:PutRecord", "firehose:PutRecordBatch"]
    resources = ["${local.arn}:firehose:${local.here}:deliverystream/${each.value}-captures"]
  }
}

# EventBridge tells GitHub, where platform's `github_events` asks for it
data "aws_iam_policy_document" "events" {
  statement {
    sid       = "TellGitHub"
    actions   = ["events:InvokeApiDestination"]
    resources = ["${local.arn}:events:${local.here}:api-destination/${var.project}-github/*"]
  }
}
