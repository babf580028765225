# Public listeners want public subnets: an internet gateway, and a route to it.

data "aws_availability_zones" "up" {
  state = "available"
}

resource "aws_vpc" "main" {
  cidr_block           = "10.0.0.0/16"
  enable_dns_hostnames = true
  tags                 = { Name = var.name }
}

resource "aws_internet_gateway" "main" {
  vpc_id = aws_vpc.main.id
}

resource "aws_subnet" "public" {
  count             = 2
  vpc_id            = aws_vpc.main.id
  cidr_block        = cidrsubnet(aws_vpc.main.cidr_block, 8, count.index + 1)
  availability_zone = data.aws_availability_zones.up.names[count.index]

  lifecycle {
    # A zone that AWS adds to the list must not move a subnet, and with it the cluster.
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
  count          = 2
  subnet_id      = aws_subnet.public[count.index].id
  route_table_id = aws_route_table.public.id
}

resource "aws_security_group" "msk" {
  name_prefix = "${var.name}-msk-"
  description = "Kafka clients: port 9098 inside the VPC, port 9198 from named networks"
  vpc_id      = aws_vpc.main.id

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_vpc_security_group_ingress_rule" "public_iam" {
  for_each          = local.public ? toset(var.client_cidrs) : toset([])
  description       = "Kafka with IAM, from outside"
  security_group_id = aws_security_group.msk.id
  cidr_ipv4         = each.value
  ip_protocol       = "tcp"
  from_port         = 9198
  to_port           = 9198
}

resource "aws_vpc_security_group_ingress_rule" "vpc_iam" {
  description       = "Kafka with IAM, from inside the VPC"
  security_group_id = aws_security_group.msk.id
  cidr_ipv4         = aws_vpc.main.cidr_block
  ip_protocol       = "tcp"
  from_port         = 9098
  to_port           = 9098
}

resource "aws_vpc_security_group_egress_rule" "all" {
  description       = "Answers and what the brokers ask for"
  security_group_id = aws_security_group.msk.id
  cidr_ipv4         = "0.0.0.0/0"
  ip_protocol       = "-1"
}
