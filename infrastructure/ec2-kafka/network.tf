data "aws_availability_zones" "up" {
  state = "available"
}

resource "aws_vpc" "main" {
  cidr_block           = "10.42.0.0/16"
  enable_dns_hostnames = true
  tags                 = { Name = var.name }
}

resource "aws_internet_gateway" "main" {
  vpc_id = aws_vpc.main.id
}

resource "aws_subnet" "public" {
  vpc_id            = aws_vpc.main.id
  cidr_block        = "10.42.1.0/24"
  availability_zone = data.aws_availability_zones.up.names[0]

  lifecycle {
    # A zone that AWS adds to the list must not move the subnet, and with it the disk.
    ignore_changes = [availability_zone]
  }
}

resource "aws_route_table" "public" {
  vpc_id = aws_vpc.main.id

  route {
    cidr_block = "0.0.0.0/0"
    gateway_id = aws_internet_gateway.main.id
  }
}

resource "aws_route_table_association" "public" {
  subnet_id      = aws_subnet.public.id
  route_table_id = aws_route_table.public.id
}

# One port, for named networks. No 22 (the shell comes by SSM), no 80 (the certificate comes by DNS), no other listener.
resource "aws_security_group" "kafka" {
  name_prefix = "${var.name}-"
  description = "Kafka clients on port 9093 from named networks"
  vpc_id      = aws_vpc.main.id
}

resource "aws_vpc_security_group_ingress_rule" "tls" {
  for_each          = toset(var.client_cidrs)
  description       = "Kafka with TLS and SCRAM"
  security_group_id = aws_security_group.kafka.id
  cidr_ipv4         = each.value
  ip_protocol       = "tcp"
  from_port         = 9093
  to_port           = 9093
}

resource "aws_vpc_security_group_egress_rule" "all" {
  description       = "Packages, the image, Let's Encrypt, SSM"
  security_group_id = aws_security_group.kafka.id
  cidr_ipv4         = "0.0.0.0/0"
  ip_protocol       = "-1"
}

# The address belongs to the interface, so the machine boots with it: no switch of address in the middle of a download, and
# the same address after the machine was replaced.
resource "aws_network_interface" "kafka" {
  subnet_id       = aws_subnet.public.id
  security_groups = [aws_security_group.kafka.id]
}

resource "aws_eip" "kafka" {
  domain            = "vpc"
  network_interface = aws_network_interface.kafka.id
  depends_on        = [aws_internet_gateway.main]
}

data "aws_route53_zone" "main" {
  name = var.zone_name
}

locals {
  fqdn = "${var.host}.${var.zone_name}"
}

resource "aws_route53_record" "kafka" {
  zone_id = data.aws_route53_zone.main.zone_id
  name    = local.fqdn
  type    = "A"
  ttl     = 60
  records = [aws_eip.kafka.public_ip]
}
