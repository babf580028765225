locals {
  brokers = local.public ? data.aws_msk_bootstrap_brokers.now.bootstrap_brokers_public_sasl_iam : data.aws_msk_bootstrap_brokers.now.bootstrap_brokers_sasl_iam
  private = local.public ? [] : ["# Step 1: these names answer inside the VPC only. Step 2 (README.md) gives the public ones."]
}

output "dotenv" {
  description = "Lines for the project's .env: terraform output -raw dotenv"
  value = join("\n", concat(
    ["# Amazon MSK, from infrastructure/msk"],
    local.private,
    [
      "KAFKA_BROKERS=${local.brokers}",
      "KAFKA_AUTH_METHOD=aws-iam",
      "KAFKA_SSL=true",
      "AWS_REGION=${var.region}",
      "",
    ],
  ))
}

output "bootstrap_brokers" {
  description = "The public brokers; empty until step 2."
  value       = local.public ? data.aws_msk_bootstrap_brokers.now.bootstrap_brokers_public_sasl_iam : ""
}

output "bootstrap_brokers_private" {
  description = "The same brokers for clients inside the VPC."
  value       = data.aws_msk_bootstrap_brokers.now.bootstrap_brokers_sasl_iam
}

output "cluster_arn" {
  description = "The cluster; policies name its topics and groups by it."
  value       = aws_msk_cluster.main.arn
}

output "client_policy_arn" {
  description = "Attach it to the user or role that runs the pipeline."
  value       = aws_iam_policy.client.arn
}
