# Parameters and keys as users write them down. Every variable changes something at the second apply.
variable "word" {
  default = "one"
}

variable "team" {
  default = "web"
}

resource "aws_kms_key" "payroll" {
  description             = "payroll, ${var.team}"
  deletion_window_in_days = 7
  tags                    = { Team = var.team }
}

resource "aws_kms_alias" "payroll" {
  name          = "alias/payroll"
  target_key_id = aws_kms_key.payroll.key_id
}

resource "aws_ssm_parameter" "plain" {
  name            = "/terraform/plain"
  type            = "String"
  value           = var.word
  description     = "of ${var.team}"
  allowed_pattern = "^[a-z]+$"
  tags            = { Team = var.team }
}

resource "aws_ssm_parameter" "list" {
  name  = "/terraform/list"
  type  = "StringList"
  value = "a,${var.word}"
}

resource "aws_ssm_parameter" "secret" {
  name   = "/terraform/secret"
  type   = "SecureString"
  value  = "hush ${var.word}"
  key_id = aws_kms_alias.payroll.name
}

resource "aws_ssm_parameter" "large" {
  name  = "/terraform/large"
  type  = "String"
  tier  = "Intelligent-Tiering"
  value = format("%05000d${var.word}", 0)
}

data "aws_ssm_parameter" "plain" {
  name = aws_ssm_parameter.plain.name
}

data "aws_ssm_parameters_by_path" "all" {
  path       = "/terraform"
  depends_on = [aws_ssm_parameter.plain, aws_ssm_parameter.secret]
}
