variable "stage" {
  type    = number
  default = 1
}

resource "aws_ssm_association" "everywhere" {
  name                = "AWS-RunShellScript"
  association_name    = "terraform-everywhere"
  document_version    = "$DEFAULT"
  schedule_expression = var.stage == 1 ? "rate(12 hours)" : "cron(0 2 ? * SUN *)"
  compliance_severity = var.stage == 1 ? "HIGH" : "LOW"
  max_concurrency     = "10%"
  max_errors          = "5"
  parameters          = { commands = "echo stage ${var.stage}" }
  tags                = { Stage = tostring(var.stage) }

  targets {
    key    = "tag:Site"
    values = var.stage == 1 ? ["tokyo"] : ["tokyo", "osaka"]
  }
}

resource "aws_ssm_association" "scheduled" {
  name                        = aws_ssm_document.hello.name
  schedule_expression         = "cron(0 3 ? * MON#1 *)"
  apply_only_at_cron_interval = true

  targets {
    key    = "InstanceIds"
    values = ["*"]
  }
}

resource "aws_ssm_document" "hello" {
  name            = "Terraform-Hello"
  document_type   = "Command"
  document_format = "JSON"
  content = jsonencode({
    schemaVersion = "2.2"
    mainSteps     = [{ action = "aws:runShellScript", name = "hello", inputs = { runCommand = ["echo hello"] } }]
  })
}

output "imports" {
  value = {
    "aws_ssm_association.everywhere" = aws_ssm_association.everywhere.association_id
    "aws_ssm_association.scheduled"  = aws_ssm_association.scheduled.association_id
  }
}
