# Whoever runs the pipeline gets this attached to their user or role. Without it IAM clients connect and are then refused
# everything. Narrower, one role per stage: README.md.

locals {
  every_topic = "${replace(aws_msk_cluster.main.arn, ":cluster/", ":topic/")}/*"
  every_group = "${replace(aws_msk_cluster.main.arn, ":cluster/", ":group/")}/*"
}

resource "aws_iam_policy" "client" {
  name_prefix = "${var.name}-client-"
  description = "Use the topics and groups of the Kafka cluster ${var.name}"

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Effect   = "Allow"
        Action   = ["kafka-cluster:Connect", "kafka-cluster:DescribeCluster", "kafka-cluster:WriteDataIdempotently"]
        Resource = aws_msk_cluster.main.arn
      },
      {
        Effect = "Allow"
        Action = [
          "kafka-cluster:CreateTopic", "kafka-cluster:DeleteTopic", "kafka-cluster:DescribeTopic", "kafka-cluster:AlterTopic",
          "kafka-cluster:DescribeTopicDynamicConfiguration", "kafka-cluster:AlterTopicDynamicConfiguration",
          "kafka-cluster:ReadData", "kafka-cluster:WriteData",
        ]
        Resource = local.every_topic
      },
      {
        Effect   = "Allow"
        Action   = ["kafka-cluster:DescribeGroup", "kafka-cluster:AlterGroup", "kafka-cluster:DeleteGroup"]
        Resource = local.every_group
      },
    ]
  })
}
