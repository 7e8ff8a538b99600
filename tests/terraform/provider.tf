# Endpoint, authority, credentials and Region come from the environment, as for the aws command.
terraform {
  required_providers {
    aws = {
      source = "hashicorp/aws"
    }
  }
}

provider "aws" {}
