# Once per new cluster, and only when it can be reached from here (step 2). Nothing depends on it: when it fails, only this
# resource is tainted, the cluster is not, and the next apply repeats it alone.
resource "terraform_data" "kafka_reset" {
  count            = var.run_reset && local.public ? 1 : 0
  triggers_replace = [aws_msk_cluster.main.arn]

  provisioner "local-exec" {
    working_dir = path.module
    command     = "bash ../reset-hook.sh"

    environment = {
      KAFKA_BROKERS     = data.aws_msk_bootstrap_brokers.now.bootstrap_brokers_public_sasl_iam
      KAFKA_AUTH_METHOD = "aws-iam"
      KAFKA_SSL         = "true"
      AWS_REGION        = var.region
      RESET_STACK       = "msk"
    }
  }

  depends_on = [aws_vpc_security_group_ingress_rule.public_iam, aws_vpc_security_group_egress_rule.all]
}
