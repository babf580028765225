data "aws_ssm_parameter" "ami" {
  name = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64"
}

# Kafka's log, its cluster id and the certificate live here and outlive the machine.
resource "aws_ebs_volume" "data" {
  availability_zone = aws_subnet.public.availability_zone
  size              = 20
  type              = "gp3"
  encrypted         = true
  tags              = { Name = "${var.name}-data" }
}

resource "aws_instance" "kafka" {
  ami                         = data.aws_ssm_parameter.ami.insecure_value
  instance_type               = "t3.small"
  iam_instance_profile        = aws_iam_instance_profile.kafka.name
  user_data_replace_on_change = true

  user_data = templatefile("${path.module}/user_data.sh.tftpl", {
    fqdn      = local.fqdn
    volume_id = aws_ebs_volume.data.id
    image     = var.kafka_image
    parameter = var.scram_parameter
    region    = var.region
    email     = coalesce(var.acme_email, "admin@${var.zone_name}")
  })

  network_interface {
    device_index         = 0
    network_interface_id = aws_network_interface.kafka.id
  }

  metadata_options {
    http_endpoint               = "enabled"
    http_tokens                 = "required"
    http_put_response_hop_limit = 1
  }

  root_block_device {
    volume_type = "gp3"
    volume_size = 12
    encrypted   = true
  }

  tags = { Name = var.name }

  lifecycle {
    ignore_changes = [ami] # a new AMI must never replace the broker by itself
  }

  # user_data runs once: what it needs must be there before the machine is.
  depends_on = [
    aws_eip.kafka,
    aws_iam_role_policy.kafka,
    aws_iam_role_policy_attachment.ssm,
    aws_route_table_association.public,
    aws_vpc_security_group_egress_rule.all,
  ]
}

resource "aws_volume_attachment" "data" {
  device_name                    = "/dev/sdf"
  volume_id                      = aws_ebs_volume.data.id
  instance_id                    = aws_instance.kafka.id
  stop_instance_before_detaching = true # Kafka closes its files first
}
