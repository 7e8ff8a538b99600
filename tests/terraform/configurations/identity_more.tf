# What `identity.tf` leaves: policies of one's own, exclusive lists, names of the account, data sources.
variable "stage" {
  type = number
}

data "aws_caller_identity" "me" {}

data "aws_iam_policy_document" "read" {
  statement {
    sid       = "Read"
    actions   = var.stage == 1 ? ["ssm:GetParameter"] : ["ssm:GetParameter", "ssm:GetParameters"]
    resources = ["arn:aws:ssm:*:${data.aws_caller_identity.me.account_id}:parameter/*"]

    condition {
      test     = "StringEquals"
      variable = "aws:PrincipalTag/Team"
      values   = ["a", "b"]
    }
  }
}

data "aws_iam_policy_document" "trust" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "AWS"
      identifiers = var.stage == 1 ? [aws_iam_user.bob.arn] : [aws_iam_user.bob.arn, data.aws_caller_identity.me.account_id]
    }
  }
}

resource "aws_iam_account_alias" "us" {
  account_alias = "terraform-${var.stage}-${data.aws_caller_identity.me.account_id}"
}

resource "aws_iam_user" "bob" {
  name          = "terraform-bob"
  force_destroy = true
}

resource "aws_iam_user_policy" "bob" {
  name   = "own"
  user   = aws_iam_user.bob.name
  policy = data.aws_iam_policy_document.read.json
}

resource "aws_iam_user_policy_attachment" "bob" {
  user       = aws_iam_user.bob.name
  policy_arn = var.stage == 1 ? "arn:aws:iam::aws:policy/AmazonSSMReadOnlyAccess" : "arn:aws:iam::aws:policy/ReadOnlyAccess"
}

resource "aws_iam_user_login_profile" "bob" {
  user                    = aws_iam_user.bob.name
  password_length         = 24
  password_reset_required = true

  lifecycle {
    ignore_changes = [password_length, password_reset_required]
  }
}

resource "aws_iam_group" "readers" {
  name = "terraform-readers"
}

resource "aws_iam_group_policy" "readers" {
  name   = "own"
  group  = aws_iam_group.readers.name
  policy = data.aws_iam_policy_document.read.json
}

resource "aws_iam_user_group_membership" "bob" {
  user   = aws_iam_user.bob.name
  groups = [aws_iam_group.readers.name]
}

resource "aws_iam_virtual_mfa_device" "bob" {
  virtual_mfa_device_name = "terraform-bob"
  tags                    = { Stage = tostring(var.stage) }
}

resource "aws_iam_role" "exclusive" {
  name                  = "terraform-exclusive"
  path                  = "/team/"
  assume_role_policy    = data.aws_iam_policy_document.trust.json
  force_detach_policies = true
}

resource "aws_iam_role_policy" "exclusive" {
  name   = "own"
  role   = aws_iam_role.exclusive.name
  policy = data.aws_iam_policy_document.read.json
}

resource "aws_iam_role_policies_exclusive" "exclusive" {
  role_name    = aws_iam_role.exclusive.name
  policy_names = [aws_iam_role_policy.exclusive.name]
}

resource "aws_iam_role_policy_attachments_exclusive" "exclusive" {
  role_name   = aws_iam_role.exclusive.name
  policy_arns = var.stage == 1 ? [] : ["arn:aws:iam::aws:policy/AmazonSSMReadOnlyAccess"]
}

resource "aws_iam_policy" "everywhere" {
  name_prefix = "terraform-"
  path        = "/team/"
  policy      = data.aws_iam_policy_document.read.json
}

resource "aws_iam_policy_attachment" "everywhere" {
  name       = "everywhere"
  policy_arn = aws_iam_policy.everywhere.arn
  users      = [aws_iam_user.bob.name]
  groups     = var.stage == 1 ? [] : [aws_iam_group.readers.name]
}

resource "aws_iam_service_linked_role" "incidents" {
  aws_service_name = "ssm-incidents.amazonaws.com"
  description      = "stage ${var.stage}"
}

data "aws_iam_policy" "managed" {
  name = "AmazonSSMAutomationRole"
}

data "aws_iam_role" "exclusive" {
  name       = aws_iam_role.exclusive.name
  depends_on = [aws_iam_role.exclusive]
}

data "aws_iam_users" "all" {
  name_regex = "terraform-bob"
  depends_on = [aws_iam_user.bob]
}

data "aws_iam_roles" "team" {
  path_prefix = "/team/"
  depends_on  = [aws_iam_role.exclusive]
}

data "aws_iam_group" "readers" {
  group_name = aws_iam_group.readers.name
  depends_on = [aws_iam_user_group_membership.bob]
}

data "aws_iam_session_context" "me" {
  arn = data.aws_caller_identity.me.arn
}

data "aws_iam_principal_policy_simulation" "bob" {
  policy_source_arn = aws_iam_user.bob.arn
  action_names      = ["iam:CreateUser"]
  depends_on        = [aws_iam_user_policy.bob]

  lifecycle {
    postcondition {
      condition     = !self.all_allowed
      error_message = "bob may create users"
    }
  }
}

check "data" {
  assert {
    condition = (
      data.aws_iam_policy.managed.arn == "arn:aws:iam::aws:policy/service-role/AmazonSSMAutomationRole"
      && length(data.aws_iam_roles.team.arns) == 1
      && data.aws_iam_session_context.me.issuer_arn == data.aws_caller_identity.me.arn
    )
    error_message = "what was made is not found"
  }
}

output "imports" {
  value = {
    "aws_iam_account_alias.us"                               = aws_iam_account_alias.us.account_alias
    "aws_iam_user_policy.bob"                                = "terraform-bob:own"
    "aws_iam_user_policy_attachment.bob"                     = "terraform-bob/${aws_iam_user_policy_attachment.bob.policy_arn}"
    "aws_iam_group_policy.readers"                           = "terraform-readers:own"
    "aws_iam_user_group_membership.bob"                      = "terraform-bob/terraform-readers"
    "aws_iam_role_policies_exclusive.exclusive"              = "terraform-exclusive"
    "aws_iam_role_policy_attachments_exclusive.exclusive"    = "terraform-exclusive"
    "aws_iam_service_linked_role.incidents"                  = aws_iam_service_linked_role.incidents.arn
  }
}
