data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}
data "aws_region" "current" {}

locals {
  account   = data.aws_caller_identity.current.account_id
  partition = data.aws_partition.current.partition
  region    = data.aws_region.current.name

  buckets = {
    for what in ["state", "logs", "data", "artifacts", "captures"] : what => "${var.project}-${what}-${local.account}"
  }

  environments = ["staging", "production"]
  functions    = { for environment in local.environments : environment => "${var.project}-${environment}" }

  execution_path = "/${var.project}/execution/"
  execution_roles = merge(
    { for what in ["sagemaker", "events"] : what => "${var.project}-${what}" },
    {
      for each in setproduct(["lambda", "smoke", "codedeploy", "firehose", "subscription"], local.environments) :
      join("-", each) => "${var.project}-${join("-", each)}"
    },
  )
}
