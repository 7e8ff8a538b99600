variable "stage" {
  type    = number
  default = 1
}

resource "aws_ssm_patch_baseline" "servers" {
  name             = var.stage == 1 ? "terraform-servers" : "terraform-servers-later"
  description      = "Stage ${var.stage}"
  operating_system = "REDHAT_ENTERPRISE_LINUX"

  approved_patches                  = var.stage == 1 ? ["bash*"] : ["bash*", "CVE-2026-12345"]
  approved_patches_compliance_level = "HIGH"
  rejected_patches                  = ["telnet*"]
  rejected_patches_action           = var.stage == 1 ? "ALLOW_AS_DEPENDENCY" : "BLOCK"

  global_filter {
    key    = "PRODUCT"
    values = ["RedhatEnterpriseLinux9.4"]
  }

  approval_rule {
    approve_after_days = var.stage == 1 ? 7 : 14
    compliance_level   = "CRITICAL"

    patch_filter {
      key    = "CLASSIFICATION"
      values = ["Security"]
    }

    patch_filter {
      key    = "SEVERITY"
      values = ["Critical", "Important"]
    }
  }

  approval_rule {
    approve_until_date  = "2027-01-01"
    enable_non_security = true

    patch_filter {
      key    = "CLASSIFICATION"
      values = ["Bugfix"]
    }
  }

  source {
    name          = "main"
    products      = ["RedhatEnterpriseLinux9.4"]
    configuration = "[main]\nname=main\nbaseurl=https://mirror.example.com\nenabled=1"
  }

  tags = { Stage = tostring(var.stage) }
}

resource "aws_ssm_patch_baseline" "windows" {
  name                              = "terraform-windows"
  approved_patches                  = ["KB2032276"]
  rejected_patches                  = ["KB2124261"]
  approved_patches_compliance_level = var.stage == 1 ? "LOW" : "MEDIUM"

  approval_rule {
    approve_after_days = 5

    patch_filter {
      key    = "PRODUCT"
      values = ["WindowsServer2012R2"]
    }

    patch_filter {
      key    = "MSRC_SEVERITY"
      values = ["Critical"]
    }
  }
}

resource "aws_ssm_patch_group" "prod" {
  baseline_id = aws_ssm_patch_baseline.servers.id
  patch_group = var.stage == 1 ? "Prod" : "Production"
}

resource "aws_ssm_patch_group" "windows" {
  baseline_id = aws_ssm_patch_baseline.windows.id
  patch_group = "Prod"
}

resource "aws_ssm_default_patch_baseline" "servers" {
  baseline_id      = aws_ssm_patch_baseline.servers.id
  operating_system = aws_ssm_patch_baseline.servers.operating_system
}

data "aws_ssm_patch_baseline" "ubuntu" {
  owner            = "AWS"
  operating_system = "UBUNTU"
  default_baseline = true
}

output "imports" {
  value = {
    "aws_ssm_patch_baseline.servers"         = aws_ssm_patch_baseline.servers.id
    "aws_ssm_patch_baseline.windows"         = aws_ssm_patch_baseline.windows.id
    "aws_ssm_default_patch_baseline.servers" = "REDHAT_ENTERPRISE_LINUX"
  }
}
