# Beyond this no role of GitHub's goes, whatever is attached to it: it makes no people, keys or providers, changes no role of
# GitHub's (its own among them), and gives every role that it makes the boundary of roles for services.
data "aws_iam_policy_document" "github_boundary" {
  statement {
    sid    = "AllButIdentities"
    effect = "Allow"
    not_actions = [
      "account:CloseAccount",
      "iam:AddUserToGroup",
      "iam:AttachGroupPolicy",
      "iam:AttachUserPolicy",
      "iam:CreateAccessKey",
      "iam:CreateGroup",
      "iam:CreateLoginProfile",
      "iam:CreateOpenIDConnectProvider",
      "iam:CreateSAMLProvider",
      "iam:CreateUser",
      "iam:DeleteRolePermissionsBoundary",
      "iam:PutGroupPolicy",
      "iam:PutUserPolicy",
      "iam:UpdateOpenIDConnectProviderThumbprint",
      "sts:AssumeRole",
    ]
    resources = ["*"] # a boundary grants nothing: what is granted is in the roles' own policies
  }

  statement {
    sid    = "NotTheRolesOfGitHub"
    effect = "Deny"
    actions = [
      "iam:AttachRolePolicy",
      "iam:CreateRole",
      "iam:DeleteRole",
      "iam:DeleteRolePolicy",
      "iam:DetachRolePolicy",
      "iam:PassRole",
      "iam:PutRolePermissionsBoundary",
      "iam:PutRolePolicy",
      "iam:TagRole",
      "iam:UntagRole",
      "iam:UpdateAssumeRolePolicy",
      "iam:UpdateRole",
    ]
    resources = ["arn:${module.names.partition}:iam::${module.names.account}:role${module.names.github_path}*"]
  }

  statement {
    sid    = "NotTheBoundaries"
    effect = "Deny"
    actions = [
      "iam:CreatePolicyVersion",
      "iam:DeletePolicy",
      "iam:DeletePolicyVersion",
      "iam:SetDefaultPolicyVersion",
    ]
    resources = [for what in ["github", "execution"] : local.boundaries[what]]
  }

  statement {
    sid       = "NoRoleWithoutBoundary"
    effect    = "Deny"
    actions   = ["iam:CreateRole", "iam:PutRolePermissionsBoundary"]
    resources = ["*"] # whatever the role's name

    condition {
      test     = "StringNotEquals"
      variable = "iam:PermissionsBoundary"
      values   = [local.boundaries["execution"]]
    }
  }
}

# Beyond this no role that AWS's services take for the project goes.
data "aws_iam_policy_document" "execution_boundary" {
  statement {
    sid    = "WhatServicesDo"
    effect = "Allow"
    not_actions = [
      "iam:AddUserToGroup",
      "iam:AttachRolePolicy",
      "iam:AttachUserPolicy",
      "iam:CreateAccessKey",
      "iam:CreatePolicy",
      "iam:CreatePolicyVersion",
      "iam:CreateRole",
      "iam:CreateUser",
      "iam:DeleteRolePermissionsBoundary",
      "iam:PassRole",
      "iam:PutRolePermissionsBoundary",
      "iam:PutRolePolicy",
      "iam:PutUserPolicy",
      "iam:UpdateAssumeRolePolicy",
      "sts:AssumeRole",
    ]
    resources = ["*"] # a boundary grants nothing: what is granted is in the roles' own policies
  }

  statement {
    sid       = "NotTheState"
    effect    = "Deny"
    actions   = ["s3:DeleteObject", "s3:DeleteObjectVersion", "s3:GetObject", "s3:GetObjectVersion", "s3:PutObject"]
    resources = ["${module.names.bucket_arns["state"]}/*"]
  }
}

locals {
  boundaries = {
    for what in ["github", "execution"] :
    what => "arn:${module.names.partition}:iam::${module.names.account}:policy/${var.project}/${var.project}-${what}-boundary"
  }
}

resource "aws_iam_policy" "github_boundary" {
  name        = "${var.project}-github-boundary"
  path        = "/${var.project}/"
  description = "The most that a role of GitHub's jobs may ever do"
  policy      = data.aws_iam_policy_document.github_boundary.json
}

resource "aws_iam_policy" "execution_boundary" {
  name        = "${var.project}-execution-boundary"
  path        = "/${var.project}/"
  description = "The most that a role of AWS's services for ${var.project} may ever do"
  policy      = data.aws_iam_policy_document.execution_boundary.json
}
