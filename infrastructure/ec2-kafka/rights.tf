# What the machine itself may do: be reached by SSM, read its one password, and answer Let's Encrypt in its one TXT record.

data "aws_caller_identity" "me" {}

resource "aws_iam_role" "kafka" {
  name_prefix = "${var.name}-"

  assume_role_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "ec2.amazonaws.com" } }]
  })
}

resource "aws_iam_role_policy_attachment" "ssm" {
  role       = aws_iam_role.kafka.name
  policy_arn = "arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore"
}

resource "aws_iam_role_policy" "kafka" {
  role = aws_iam_role.kafka.name

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Effect   = "Allow"
        Action   = "ssm:GetParameter"
        Resource = "arn:aws:ssm:${var.region}:${data.aws_caller_identity.me.account_id}:parameter${var.scram_parameter}"
      },
      {
        Effect   = "Allow"
        Action   = ["route53:ListHostedZones", "route53:GetChange"] # neither can be narrowed to a zone
        Resource = "*"
      },
      {
        Effect   = "Allow"
        Action   = "route53:ChangeResourceRecordSets"
        Resource = "arn:aws:route53:::hostedzone/${data.aws_route53_zone.main.zone_id}"
        Condition = {
          "ForAllValues:StringEquals" = {
            "route53:ChangeResourceRecordSetsNormalizedRecordNames" = ["_acme-challenge.${local.fqdn}"]
            "route53:ChangeResourceRecordSetsRecordTypes"           = ["TXT"]
          }
        }
      },
    ]
  })
}

resource "aws_iam_instance_profile" "kafka" {
  name_prefix = "${var.name}-"
  role        = aws_iam_role.kafka.name
}
