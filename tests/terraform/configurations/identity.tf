variable "stage" {
  type = number
}

resource "aws_iam_user" "ann" {
  name = "terraform-ann"
  path = var.stage == 1 ? "/" : "/team/"
  tags = { Stage = tostring(var.stage) }
}

resource "aws_iam_access_key" "ann" {
  user   = aws_iam_user.ann.name
  status = var.stage == 1 ? "Active" : "Inactive"
}

resource "aws_iam_group" "ops" {
  name = "terraform-ops"
  path = var.stage == 1 ? "/" : "/team/"
}

resource "aws_iam_group_membership" "ops" {
  name  = "terraform-ops"
  group = aws_iam_group.ops.name
  users = [aws_iam_user.ann.name]
}

resource "aws_iam_policy" "read" {
  name        = "terraform-read"
  description = "made by terraform"
  tags        = { Stage = tostring(var.stage) }
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect   = "Allow"
      Action   = var.stage == 1 ? ["ssm:GetParameter"] : ["ssm:GetParameter", "ssm:GetParameters"]
      Resource = "*"
    }]
  })
}

resource "aws_iam_group_policy_attachment" "ops" {
  group      = aws_iam_group.ops.name
  policy_arn = aws_iam_policy.read.arn
}

resource "aws_iam_role" "web" {
  name                 = "terraform-web"
  description          = "stage ${var.stage}"
  max_session_duration = var.stage == 1 ? 3600 : 7200
  permissions_boundary = var.stage == 1 ? null : aws_iam_policy.read.arn
  tags                 = { Stage = tostring(var.stage) }
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = var.stage == 1 ? ["ec2.amazonaws.com"] : ["ec2.amazonaws.com", "ssm.amazonaws.com"] }
    }]
  })
}

resource "aws_iam_role_policy" "web" {
  name = "own"
  role = aws_iam_role.web.id
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "s3:GetObject", Resource = "arn:aws:s3:::stage-${var.stage}/*" }]
  })
}

resource "aws_iam_role_policy_attachment" "web" {
  role       = aws_iam_role.web.name
  policy_arn = "arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore"
}

resource "aws_iam_instance_profile" "web" {
  name = "terraform-web"
  role = aws_iam_role.web.name
  tags = { Stage = tostring(var.stage) }
}

resource "aws_iam_openid_connect_provider" "ci" {
  url             = "https://token.example.com"
  client_id_list  = var.stage == 1 ? ["sts.amazonaws.com"] : ["sts.amazonaws.com", "other"]
  thumbprint_list = [var.stage == 1 ? "0123456789012345678901234567890123456789" : "9876543210987654321098765432109876543210"]
  tags            = { Stage = tostring(var.stage) }
}

resource "aws_iam_account_password_policy" "all" {
  minimum_password_length        = var.stage == 1 ? 12 : 14
  require_numbers                = true
  allow_users_to_change_password = true
}

output "imports" {
  value = {
    "aws_iam_user.ann"                       = aws_iam_user.ann.name
    "aws_iam_group.ops"                      = aws_iam_group.ops.name
    "aws_iam_policy.read"                    = aws_iam_policy.read.arn
    "aws_iam_role.web"                       = aws_iam_role.web.name
    "aws_iam_role_policy.web"                = "${aws_iam_role.web.name}:own"
    "aws_iam_role_policy_attachment.web"     = "${aws_iam_role.web.name}/arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore"
    "aws_iam_instance_profile.web"           = aws_iam_instance_profile.web.name
    "aws_iam_openid_connect_provider.ci"     = aws_iam_openid_connect_provider.ci.arn
    "aws_iam_account_password_policy.all"    = "iam-account-password-policy"
  }
}
