# Collects what was trained and writes the report's data. It runs a pull request's code: it can start nothing, pass no
# role, and touch no function.
data "aws_iam_policy_document" "report" {
  source_policy_documents = [
    data.aws_iam_policy_document.read_jobs.json,
    data.aws_iam_policy_document.use_data.json,
  ]
}
