module "data" {
  source        = "../modules/bucket"
  name          = module.names.buckets.data
  kms_key_arn   = data.aws_kms_alias.this.target_key_arn
  log_bucket    = { name = module.names.buckets.logs }
  force_destroy = var.may_empty_buckets
}

module "artifacts" {
  source        = "../modules/bucket"
  name          = module.names.buckets.artifacts
  kms_key_arn   = data.aws_kms_alias.this.target_key_arn
  log_bucket    = { name = module.names.buckets.logs }
  expire_days   = { "${var.project}/checkpoints/" = var.keep_checkpoints_days }
  force_destroy = var.may_empty_buckets
}

module "captures" {
  source                   = "../modules/bucket"
  name                     = module.names.buckets.captures
  kms_key_arn              = data.aws_kms_alias.this.target_key_arn
  log_bucket               = { name = module.names.buckets.logs }
  expire_days              = { "" = var.keep_captures_days }
  expire_old_versions_days = 1
  force_destroy            = var.may_empty_buckets
}

module "train_images" {
  source        = "../modules/repository"
  name          = module.names.repositories.train
  keep_images   = 10
  kms_key_arn   = data.aws_kms_alias.this.target_key_arn
  force_destroy = var.may_empty_buckets
}

module "serve_images" {
  source           = "../modules/repository"
  name             = module.names.repositories.serve
  kms_key_arn      = data.aws_kms_alias.this.target_key_arn
  pulled_by_lambda = flatten([for name in values(module.names.functions) : [name, "${name}-smoke"]])
  force_destroy    = var.may_empty_buckets
}
