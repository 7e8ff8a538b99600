resource "aws_ssm_document" "greeting" {
  name            = "Terraform-Greeting"
  document_type   = "Command"
  document_format = "JSON"
  content = jsonencode({
    schemaVersion = "2.2"
    description   = "stage ${var.stage}"
    parameters    = { name = { type = "String", default = "world" } }
    mainSteps = [{
      action = "aws:runShellScript"
      name   = "greet"
      inputs = { runCommand = ["echo hello {{ name }}"] }
    }]
  })
  tags = { Stage = tostring(var.stage) }
}

resource "aws_ssm_document" "shared" {
  name            = "Terraform-Shared"
  document_type   = "Command"
  document_format = "YAML"
  content         = <<-YAML
    schemaVersion: '2.2'
    mainSteps:
      - action: aws:runShellScript
        name: one
        inputs:
          runCommand: ['true']
  YAML
  permissions = var.stage == 1 ? {} : { type = "Share", account_ids = "111122223333" }
}

output "imports" {
  value = { "aws_ssm_document.greeting" = aws_ssm_document.greeting.name }
}

variable "stage" {
  type    = number
  default = 1
}
