# Deploys one environment: applies terraform/serving there, pushes the function's image, shifts its traffic.
# Every name in it is the environment's own, so staging cannot touch production.
locals {
  deployed = {
    for environment, name in module.names.functions : environment => {
      name      = name
      functions = flatten([for each in [name, "${name}-smoke"] : ["${local.lambda}:function:${each}", "${local.lambda}:function:${each}:*"]])
    }
  }
}

data "aws_iam_policy_document" "deploy" {
  for_each = local.deployed

  source_policy_documents = [
    data.aws_iam_policy_document.state["serving/${each.key}"].json,
    data.aws_iam_policy_document.push_image["serve"].json,
  ]

  statement {
    sid = "Function"
    actions = [
      "lambda:CreateAlias",
      "lambda:CreateFunction",
      "lambda:DeleteAlias",
      "lambda:DeleteFunction",
      "lambda:DeleteFunctionConcurrency",
      "lambda:DeleteFunctionUrlConfig",
      "lambda:GetAlias",
      "lambda:GetFunction",
      "lambda:GetFunctionCodeSigningConfig",
      "lambda:GetFunctionConfiguration",
      "lambda:GetFunctionUrlConfig",
      "lambda:GetPolicy",
      "lambda:InvokeFunction",
      "lambda:InvokeFunctionUrl",
      "lambda:ListTags",
      "lambda:ListVersionsByFunction",
      "lambda:PublishVersion",
      "lambda:PutFunctionConcurrency",
      "lambda:RemovePermission",
      "lambda:TagResource",
      "lambda:UntagResource",
      "lambda:UpdateAlias",
      "lambda:UpdateFunctionCode",
      "lambda:UpdateFunctionConfiguration",
    ]
    resources = each.value.functions
  }

  # an address for whom IAM lets, and no other
  statement {
    sid       = "Address"
    actions   = ["lambda:CreateFunctionUrlConfig", "lambda:UpdateFunctionUrlConfig"]
    resources = each.value.functions

    condition {
      test     = "StringEquals"
      variable = "lambda:FunctionUrlAuthType"
      values   = ["AWS_IAM"]
    }
  }

  dynamic "statement" {
    for_each = {
      lambda     = ["lambda-${each.key}", "smoke-${each.key}"]
      codedeploy = ["codedeploy-${each.key}"]
      firehose   = ["firehose-${each.key}"]
    }

    content {
      sid       = "Pass${title(statement.key)}Role"
      actions   = ["iam:PassRole"]
      resources = [for what in statement.value : module.names.execution_role_arns[what]]

      condition {
        test     = "StringEquals"
        variable = "iam:PassedToService"
        values   = ["${statement.key}.amazonaws.com"]
      }
    }
  }

  # CloudWatch Logs does not say that it is passed to: https://github.com/aws-cloudformation/cloudformation-coverage-roadmap/issues/1784
  statement {
    sid       = "PassSubscriptionRole"
    actions   = ["iam:PassRole"]
    resources = [module.names.execution_role_arns["subscription-${each.key}"]]
  }

  statement {
    sid       = "FindWhatIsMade"
    actions   = ["kms:ListAliases", "logs:DescribeLogGroups"]
    resources = ["*"] # the actions list
  }

  statement {
    sid       = "FindRepositories"
    actions   = ["ecr:DescribeRepositories"]
    resources = ["${local.arn}:ecr:${local.here}:repository/*"] # who looks for some asks for all
  }

  statement {
    sid = "Log"
    actions = [
      "logs:AssociateKmsKey",
      "logs:CreateLogGroup",
      "logs:DeleteLogGroup",
      "logs:DeleteSubscriptionFilter",
      "logs:DescribeSubscriptionFilters",
      "logs:ListTagsForResource",
      "logs:PutRetentionPolicy",
      "logs:PutSubscriptionFilter",
      "logs:TagResource",
      "logs:UntagResource",
    ]
    resources = flatten([
      for each in [each.value.name, "${each.value.name}-smoke", "${each.value.name}-access"] : [
        "arn:${module.names.partition}:logs:${local.here}:log-group:/aws/lambda/${each}",
        "arn:${module.names.partition}:logs:${local.here}:log-group:/aws/lambda/${each}:*",
      ]
    ])
  }

  statement {
    sid = "Captures"
    actions = [
      "firehose:CreateDeliveryStream",
      "firehose:DeleteDeliveryStream",
      "firehose:DescribeDeliveryStream",
      "firehose:ListTagsForDeliveryStream",
      "firehose:StartDeliveryStreamEncryption",
      "firehose:StopDeliveryStreamEncryption",
      "firehose:TagDeliveryStream",
      "firehose:UntagDeliveryStream",
      "firehose:UpdateDestination",
    ]
    resources = ["arn:${module.names.partition}:firehose:${local.here}:deliverystream/${each.value.name}-captures"]
  }

  statement {
    sid = "Alarms"
    actions = [
      "cloudwatch:DeleteAlarms",
      "cloudwatch:DeleteDashboards",
      "cloudwatch:GetDashboard",
      "cloudwatch:ListTagsForResource",
      "cloudwatch:PutDashboard",
      "cloudwatch:PutMetricAlarm",
      "cloudwatch:TagResource",
      "cloudwatch:UntagResource",
    ]
    resources = [
      "arn:${module.names.partition}:cloudwatch:${local.here}:alarm:${each.value.name}-*",
      "arn:${module.names.partition}:cloudwatch::${module.names.account}:dashboard/${each.value.name}",
    ]
  }

  statement {
    sid = "Canary"
    actions = [
      "codedeploy:CreateApplication",
      "codedeploy:CreateDeployment",
      "codedeploy:CreateDeploymentGroup",
      "codedeploy:DeleteApplication",
      "codedeploy:DeleteDeploymentGroup",
      "codedeploy:GetApplication",
      "codedeploy:GetApplicationRevision",
      "codedeploy:GetDeployment",
      "codedeploy:GetDeploymentConfig",
      "codedeploy:GetDeploymentGroup",
      "codedeploy:ListDeployments",
      "codedeploy:ListTagsForResource",
      "codedeploy:RegisterApplicationRevision",
      "codedeploy:TagResource",
      "codedeploy:UntagResource",
      "codedeploy:UpdateDeploymentGroup",
    ]
    resources = [
      "arn:${module.names.partition}:codedeploy:${local.here}:application:${each.value.name}",
      "arn:${module.names.partition}:codedeploy:${local.here}:deploymentgroup:${each.value.name}/*",
      "arn:${module.names.partition}:codedeploy:${local.here}:deploymentconfig:CodeDeployDefault.*",
    ]
  }

  statement {
    sid       = "LookAtAlarms"
    actions   = ["cloudwatch:DescribeAlarms"]
    resources = [local.alarms]
  }

  statement {
    sid       = "StopCanary"
    actions   = ["codedeploy:StopDeployment"]
    resources = ["*"] # the action knows no resource: it takes a deployment's id, of whatever application
  }

  statement {
    sid       = "LookAtImage"
    actions   = ["ecr:DescribeImageScanFindings"]
    resources = [module.names.repository_arns["serve"]]
  }

  statement {
    sid       = "ReadBundle"
    actions   = ["s3:GetObject"]
    resources = ["${module.names.bucket_arns["data"]}/*"]
  }

  statement {
    sid       = "ListBundles"
    actions   = ["s3:ListBucket"]
    resources = [module.names.bucket_arns["data"]]
  }

  statement {
    sid       = "UseKey"
    actions   = ["kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKey"]
    resources = [aws_kms_key.this.arn]
  }

  # the address for everybody, where bootstrap lets there be one; API Gateway's actions are HTTP's verbs
  dynamic "statement" {
    for_each = contains(var.may_be_public, each.key) ? local.public_address : {}

    content {
      sid       = statement.key
      actions   = statement.value.actions
      resources = statement.value.resources
    }
  }

  dynamic "statement" {
    for_each = contains(var.may_be_public, each.key) ? [1] : []

    content {
      sid       = "LetGatewayAsk"
      actions   = ["lambda:AddPermission"]
      resources = each.value.functions

      condition {
        test     = "StringEquals"
        variable = "lambda:Principal"
        values   = ["apigateway.amazonaws.com"]
      }
    }
  }
}

locals {
  gateway = "arn:${module.names.partition}:apigateway:${module.names.region}::"
  public_address = {
    PublicAddress = {
      actions   = ["apigateway:DELETE", "apigateway:GET", "apigateway:PATCH", "apigateway:POST", "apigateway:TagResource"]
      resources = [for path in ["/apis", "/apis/*", "/tags/*"] : "${local.gateway}${path}"]
    }
    # https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/AWS-logs-and-resource-policy.html
    LogOfPublicAddress = {
      actions = [
        "logs:CreateLogDelivery",
        "logs:DeleteLogDelivery",
        "logs:DescribeResourcePolicies",
        "logs:GetLogDelivery",
        "logs:ListLogDeliveries",
        "logs:PutResourcePolicy",
        "logs:UpdateLogDelivery",
      ]
      resources = ["*"] # the actions know no resource
    }
  }
}

# a root's state and its lock, and nothing else in that bucket
data "aws_iam_policy_document" "state" {
  for_each = toset(concat(["platform"], [for environment in keys(module.names.functions) : "serving/${environment}"]))

  statement {
    sid       = "FindState"
    actions   = ["s3:ListBucket"]
    resources = [module.names.bucket_arns["state"]]

    condition {
      test     = "StringLike"
      variable = "s3:prefix"
      values   = ["${each.key}.tfstate*"]
    }
  }

  statement {
    sid       = "State"
    actions   = ["s3:GetObject", "s3:PutObject"]
    resources = ["${module.names.bucket_arns["state"]}/${each.key}.tfstate"]
  }

  statement {
    sid       = "Lock"
    actions   = ["s3:DeleteObject", "s3:GetObject", "s3:PutObject"]
    resources = ["${module.names.bucket_arns["state"]}/${each.key}.tfstate.tflock"]
  }
}
