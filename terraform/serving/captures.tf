# Captured lines go from the log to S3, a day a folder, for monitoring
resource "aws_cloudwatch_log_subscription_filter" "captures" {
  name            = "captures"
  log_group_name  = aws_cloudwatch_log_group.this.name
  filter_pattern  = "{ $.capture = 1 }"
  destination_arn = aws_kinesis_firehose_delivery_stream.captures.arn
  role_arn        = module.names.execution_role_arns["subscription-${var.environment}"]
}

resource "aws_kinesis_firehose_delivery_stream" "captures" {
  #checkov:skip=CKV_AWS_241:lines lie here for five minutes, under a key of AWS's; under ours, whoever deploys would have to make grants for it

  name        = "${local.name}-captures"
  destination = "extended_s3"

  server_side_encryption {
    enabled  = true
    key_type = "AWS_OWNED_CMK"
  }

  extended_s3_configuration {
    role_arn            = module.names.execution_role_arns["firehose-${var.environment}"]
    bucket_arn          = module.names.bucket_arns.captures
    kms_key_arn         = data.aws_kms_alias.this.target_key_arn
    prefix              = "${var.environment}/!{timestamp:yyyy/MM/dd}/"
    error_output_prefix = "failed/${var.environment}/!{firehose:error-output-type}/!{timestamp:yyyy/MM/dd}/"
    compression_format  = "GZIP"
    buffering_interval  = 300
    buffering_size      = 64

    # a subscription sends envelopes, compressed: what arrives in S3 are the lines themselves
    processing_configuration {
      enabled = true

      processors {
        type = "Decompression"

        parameters {
          parameter_name  = "CompressionFormat"
          parameter_value = "GZIP"
        }
      }

      processors {
        type = "CloudWatchLogProcessing"

        parameters {
          parameter_name  = "DataMessageExtraction"
          parameter_value = "true"
        }
      }

      processors {
        type = "AppendDelimiterToRecord"

        parameters {
          parameter_name  = "Delimiter"
          parameter_value = "\\n"
        }
      }
    }
  }

  depends_on = [terraform_data.project]
}
