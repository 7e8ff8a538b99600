# Applied by a management account that is in no organization yet.
variable "stage" {
  type = number
}

locals {
  ssm = "ssm.amazonaws.com"
}

resource "aws_organizations_organization" "all" {
  aws_service_access_principals = var.stage == 1 ? [local.ssm] : [local.ssm, "member.org.stacksets.cloudformation.amazonaws.com"]
  enabled_policy_types          = var.stage == 1 ? ["SERVICE_CONTROL_POLICY"] : ["SERVICE_CONTROL_POLICY", "TAG_POLICY"]
  feature_set                   = "ALL"
}

resource "aws_organizations_organizational_unit" "production" {
  name      = var.stage == 1 ? "Production" : "Prod"
  parent_id = aws_organizations_organization.all.roots[0].id
  tags      = { Stage = tostring(var.stage) }
}

resource "aws_organizations_organizational_unit" "shop" {
  name      = "Shop"
  parent_id = aws_organizations_organizational_unit.production.id
}

resource "aws_organizations_account" "shop" {
  name      = "shop"
  email     = "shop@example.com"
  parent_id = var.stage == 1 ? aws_organizations_organizational_unit.production.id : aws_organizations_organizational_unit.shop.id
  tags      = { Stage = tostring(var.stage) }
}

resource "aws_organizations_policy" "limits" {
  name        = var.stage == 1 ? "limits" : "narrower"
  description = "made by terraform"
  content = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect   = "Deny"
      Action   = var.stage == 1 ? ["iam:CreateUser"] : ["iam:CreateUser", "iam:DeleteUser"]
      Resource = "*"
    }]
  })
  tags = { Stage = tostring(var.stage) }

  depends_on = [aws_organizations_organization.all]
}

resource "aws_organizations_policy_attachment" "unit" {
  policy_id = aws_organizations_policy.limits.id
  target_id = var.stage == 1 ? aws_organizations_organizational_unit.production.id : aws_organizations_account.shop.id
}

resource "aws_organizations_policy" "tags" {
  count = var.stage == 1 ? 0 : 1
  name  = "tags"
  type  = "TAG_POLICY"
  content = jsonencode({
    tags = {
      CostCenter = {
        tag_key   = { "@@assign" = "CostCenter" }
        tag_value = { "@@assign" = ["100", "200"] }
      }
    }
  })

  depends_on = [aws_organizations_organization.all]
}

resource "aws_organizations_policy_attachment" "root" {
  count     = var.stage == 1 ? 0 : 1
  policy_id = aws_organizations_policy.tags[0].id
  target_id = aws_organizations_organization.all.roots[0].id
}

resource "aws_organizations_delegated_administrator" "ssm" {
  account_id        = aws_organizations_account.shop.id
  service_principal = local.ssm
}

resource "aws_organizations_resource_policy" "readers" {
  content = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "Read"
      Effect    = "Allow"
      Principal = { AWS = "arn:aws:iam::${aws_organizations_account.shop.id}:root" }
      Action    = var.stage == 1 ? ["organizations:ListRoots"] : ["organizations:ListAccounts", "organizations:ListRoots"]
      Resource  = "*"
    }]
  })
}

data "aws_organizations_organizational_units" "below" {
  parent_id  = aws_organizations_organizational_unit.production.id
  depends_on = [aws_organizations_organizational_unit.shop]
}

data "aws_organizations_delegated_administrators" "ssm" {
  service_principal = local.ssm
  depends_on        = [aws_organizations_delegated_administrator.ssm]
}

output "imports" {
  value = {
    "aws_organizations_organization.all"                  = aws_organizations_organization.all.id
    "aws_organizations_organizational_unit.production"    = aws_organizations_organizational_unit.production.id
    "aws_organizations_account.shop"                      = aws_organizations_account.shop.id
    "aws_organizations_policy.limits"                     = aws_organizations_policy.limits.id
    "aws_organizations_policy_attachment.unit"            = "${aws_organizations_policy_attachment.unit.target_id}:${aws_organizations_policy.limits.id}"
    "aws_organizations_delegated_administrator.ssm"       = aws_organizations_delegated_administrator.ssm.id
    "aws_organizations_resource_policy.readers"           = aws_organizations_resource_policy.readers.id
  }
}
