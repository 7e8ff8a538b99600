resource "aws_ssm_activation" "edge" {
  name               = "edge"
  description        = "machines at the edge"
  iam_role           = "service-role/SSMServiceRole"
  registration_limit = 5
  tags               = { Site = "tokyo" }
}

variable "stage" {
  type    = number
  default = 1
}
