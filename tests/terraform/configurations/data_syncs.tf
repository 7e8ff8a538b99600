variable "stage" {
  type    = number
  default = 1
}

resource "aws_s3_bucket" "inventory" {
  bucket        = "terraform-inventory"
  force_destroy = true
}

resource "aws_ssm_resource_data_sync" "inventory" {
  name = "terraform-inventory-${var.stage}"

  s3_destination {
    bucket_name = aws_s3_bucket.inventory.bucket
    region      = "us-east-1"
    prefix      = var.stage == 1 ? "first" : "second"
  }
}

output "imports" {
  value = {
    "aws_ssm_resource_data_sync.inventory" = aws_ssm_resource_data_sync.inventory.name
  }
}
