output "bucket" {
  description = "`SLIPWAY_BUCKET`: inputs, checkpoints and results of trainings."
  value       = module.artifacts.name
}

output "training_role" {
  description = "`SLIPWAY_TRAINING_ROLE`: what a training may do."
  value       = module.names.execution_role_arns.sagemaker
}

output "training_repository" {
  description = "`SLIPWAY_TRAINING_REPOSITORY`: where the training image is pushed."
  value       = module.train_images.url
}

output "serving_repository" {
  description = "Where the function's image is pushed."
  value       = module.serve_images.url
}

output "dvc_remote" {
  description = "Address of the DVC remote: `dvc remote add --default aws ADDRESS`."
  value       = "s3://${module.data.name}/dvc"
}

output "alerts_topic" {
  description = "ARN of the topic that alarms are told to."
  value       = aws_sns_topic.alerts.arn
}

output "key" {
  description = "ARN of the key for all that is stored: `compute.kms_key`."
  value       = data.aws_kms_alias.this.target_key_arn
}
