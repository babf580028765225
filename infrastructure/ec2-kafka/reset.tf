# Once per machine or disk: a wait for TLS, login and metadata with a deadline, then the reset. Nothing depends on it: when it
# fails, only this resource is tainted, the machine is not, and the next apply repeats it alone.
resource "terraform_data" "kafka_reset" {
  count            = var.run_reset ? 1 : 0
  triggers_replace = [aws_instance.kafka.id, aws_ebs_volume.data.id]

  provisioner "local-exec" {
    working_dir = path.module
    command     = "bash ../reset-hook.sh"

    environment = {
      KAFKA_BROKERS           = "${local.fqdn}:9093"
      KAFKA_AUTH_METHOD       = "scram-sha-512"
      KAFKA_SSL               = "true"
      KAFKA_SASL_USERNAME     = "stream-agents"
      KAFKA_SASL_PASSWORD_SSM = var.scram_parameter
      AWS_REGION              = var.region
      RESET_STACK             = "ec2-kafka"
      RESET_DEADLINE          = "1350" # packages, certificate and image take minutes on a new machine
    }
  }

  depends_on = [aws_volume_attachment.data, aws_route53_record.kafka, aws_vpc_security_group_ingress_rule.tls]
}
