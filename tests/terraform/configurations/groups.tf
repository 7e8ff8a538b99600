variable "stage" {
  type    = number
  default = 1
}

resource "aws_ssm_parameter" "member" {
  name  = "/groups/member"
  type  = "String"
  value = "v"
  tags  = { Stage = "Test" }
}

resource "aws_resourcegroups_group" "tagged" {
  name        = "tagged"
  description = var.stage == 1 ? "by terraform" : "changed"

  resource_query {
    query = jsonencode({
      ResourceTypeFilters = ["AWS::EC2::Instance", "AWS::SSM::Parameter"]
      TagFilters          = [{ Key = "Stage", Values = [var.stage == 1 ? "Test" : "Prod"] }]
    })
  }

  tags = var.stage == 1 ? { Name = "one" } : { Team = "two" }
}

resource "aws_resourcegroups_group" "named" {
  name = "named"

  configuration {
    type = "AWS::ResourceGroups::Generic"

    parameters {
      name   = "allowed-resource-types"
      values = ["AWS::SSM::Parameter"]
    }
  }
}

resource "aws_resourcegroups_resource" "member" {
  group_arn    = aws_resourcegroups_group.named.arn
  resource_arn = aws_ssm_parameter.member.arn
}

data "aws_resourcegroupstaggingapi_resources" "staged" {
  resource_type_filters = ["ssm:parameter"]

  tag_filter {
    key    = "Stage"
    values = ["Test"]
  }

  depends_on = [aws_ssm_parameter.member]
}

output "imports" {
  value = { "aws_resourcegroups_group.tagged" = "tagged" }
}
