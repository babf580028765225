locals {
  public = var.public_access_type == "SERVICE_PROVIDED_EIPS"
}

resource "aws_msk_configuration" "main" {
  name           = "${var.name}-cfg"
  kafka_versions = [var.kafka_version]

  # Two copies, of which one may be away (a broker is restarted for every patch). Topics are made by kafka:init only, and
  # who was granted nothing may do nothing: AWS asks for that before it opens the public listener.
  server_properties = <<-EOT
    auto.create.topics.enable=false
    default.replication.factor=2
    min.insync.replicas=1
    unclean.leader.election.enable=false
    allow.everyone.if.no.acl.found=false
    message.max.bytes=1048588
  EOT
}

resource "aws_cloudwatch_log_group" "broker" {
  name              = "/msk/${var.name}"
  retention_in_days = 7
}

# No open monitoring: on KRaft clusters AWS refuses it together with public access.
resource "aws_msk_cluster" "main" {
  cluster_name           = var.name
  kafka_version          = var.kafka_version
  number_of_broker_nodes = 2

  broker_node_group_info {
    instance_type   = "kafka.t3.small"
    client_subnets  = aws_subnet.public[*].id
    security_groups = [aws_security_group.msk.id]

    storage_info {
      ebs_storage_info {
        volume_size = 10 # GiB per broker
      }
    }

    connectivity_info {
      public_access {
        type = var.public_access_type
      }
    }
  }

  configuration_info {
    arn      = aws_msk_configuration.main.arn
    revision = aws_msk_configuration.main.latest_revision
  }

  # On disk AWS encrypts always, with a key of its own where none is named.
  encryption_info {
    encryption_in_transit {
      client_broker = "TLS"
      in_cluster    = true
    }
  }

  client_authentication {
    unauthenticated = false

    sasl {
      iam = true
    }
  }

  logging_info {
    broker_logs {
      cloudwatch_logs {
        enabled   = true
        log_group = aws_cloudwatch_log_group.broker.name
      }
    }
  }

  timeouts {
    create = "90m"
    update = "120m"
    delete = "60m"
  }

  depends_on = [aws_route_table_association.public]
}

# Not the cluster's own attributes: in step 2 those are planned from the old state, and the output would stay empty until
# one more apply. A data source that waits for the cluster is read after the change.
data "aws_msk_bootstrap_brokers" "now" {
  cluster_arn = aws_msk_cluster.main.arn
  depends_on  = [aws_msk_cluster.main]
}
