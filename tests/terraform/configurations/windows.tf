variable "stage" {
  type    = number
  default = 1
}

resource "aws_ssm_maintenance_window" "sunday" {
  name                       = var.stage == 1 ? "terraform-sunday" : "terraform-sunday-late"
  description                = "Patching and what goes with it"
  schedule                   = var.stage == 1 ? "cron(0 1 ? * SUN *)" : "cron(0 3 ? * SUN#2 *)"
  schedule_timezone          = "Asia/Tokyo"
  schedule_offset            = var.stage == 1 ? null : 2
  duration                   = 3
  cutoff                     = var.stage == 1 ? 1 : 0
  allow_unassociated_targets = var.stage == 2
  enabled                    = var.stage == 1
  start_date                 = "2030-01-01T00:00:00Z"
  end_date                   = "2031-01-01T00:00:00Z"
  tags                       = { Stage = tostring(var.stage) }
}

resource "aws_ssm_maintenance_window_target" "production" {
  window_id         = aws_ssm_maintenance_window.sunday.id
  name              = "terraform-production"
  description       = "Stage ${var.stage}"
  resource_type     = "INSTANCE"
  owner_information = "operations"

  targets {
    key    = "tag:Patch Group"
    values = var.stage == 1 ? ["Prod"] : ["Prod", "Staging"]
  }
}

resource "aws_iam_role" "windows" {
  name = "terraform-windows"
  assume_role_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "ssm.amazonaws.com" } }]
  })
}

resource "aws_ssm_maintenance_window_task" "hello" {
  window_id        = aws_ssm_maintenance_window.sunday.id
  name             = "terraform-hello"
  description      = "Stage ${var.stage}"
  task_type        = "RUN_COMMAND"
  task_arn         = "AWS-RunShellScript"
  service_role_arn = aws_iam_role.windows.arn
  priority         = var.stage
  max_concurrency  = "2"
  max_errors       = "10%"
  cutoff_behavior  = var.stage == 1 ? "CONTINUE_TASK" : "CANCEL_TASK"

  targets {
    key    = "WindowTargetIds"
    values = [aws_ssm_maintenance_window_target.production.id]
  }

  task_invocation_parameters {
    run_command_parameters {
      comment         = "from Terraform"
      timeout_seconds = 600

      parameter {
        name   = "commands"
        values = ["echo stage ${var.stage}"]
      }
    }
  }
}

output "imports" {
  value = {
    "aws_ssm_maintenance_window.sunday"            = aws_ssm_maintenance_window.sunday.id
    "aws_ssm_maintenance_window_target.production" = "${aws_ssm_maintenance_window.sunday.id}/${aws_ssm_maintenance_window_target.production.id}"
    "aws_ssm_maintenance_window_task.hello"        = "${aws_ssm_maintenance_window.sunday.id}/${aws_ssm_maintenance_window_task.hello.window_task_id}"
  }
}
