output "dotenv" {
  description = "Lines for the project's .env: terraform output -raw dotenv"
  value       = <<-EOT
    # Kafka on EC2, from infrastructure/ec2-kafka
    KAFKA_BROKERS=${local.fqdn}:9093
    KAFKA_AUTH_METHOD=scram-sha-512
    KAFKA_SSL=true
    KAFKA_SASL_USERNAME=stream-agents
    # The password is in no file of Terraform. This puts it into the one that the next line names (git does not see it):
    # (umask 077; aws ssm get-parameter --region ${var.region} --with-decryption --name ${var.scram_parameter} --query Parameter.Value --output text > .env.kafka-password)
    KAFKA_SASL_PASSWORD_FILE=.env.kafka-password
  EOT
}

output "endpoint" {
  description = "The broker's address."
  value       = "${local.fqdn}:9093"
}

output "shell" {
  description = "A shell on the machine, without SSH."
  value       = "aws ssm start-session --region ${var.region} --target ${aws_instance.kafka.id}"
}
