variable "region" {
  description = "AWS region of everything here."
  type        = string
  default     = "us-west-2"
}

variable "name" {
  description = "Name of the machine, and the beginning of every other name."
  type        = string
  default     = "stream-agents-kafka"
}

variable "zone_name" {
  description = "A public hosted zone of yours in Route 53, such as example.com."
  type        = string

  validation {
    condition     = can(regex("^([a-z0-9]([a-z0-9-]*[a-z0-9])?\\.)+[a-z]{2,}$", var.zone_name))
    error_message = "A domain in lower case and without a dot at the end, such as example.com."
  }
}

variable "host" {
  description = "The broker's name in that zone."
  type        = string
  default     = "kafka"

  validation {
    condition     = can(regex("^[a-z0-9]([a-z0-9-]*[a-z0-9])?$", var.host))
    error_message = "One label of a DNS name: lower-case letters, digits, dashes."
  }
}

variable "client_cidrs" {
  description = "IPv4 networks that may reach the broker (port 9093). Never the whole internet."
  type        = list(string)

  validation {
    condition     = length(var.client_cidrs) > 0 && alltrue([for c in var.client_cidrs : can(cidrnetmask(c)) && try(tonumber(split("/", c)[1]), 0) >= 16])
    error_message = "Name your networks as IPv4, /16 or narrower, such as \"203.0.113.7/32\"; 0.0.0.0/0 is refused."
  }
}

variable "scram_parameter" {
  description = "SSM parameter with the password of the user stream-agents, made by hand (README.md): so it is in no state file."
  type        = string
  default     = "/stream-agents/kafka/scram"

  validation {
    condition     = can(regex("^(/[a-zA-Z0-9_.-]+)+$", var.scram_parameter))
    error_message = "The name of an SSM parameter, such as /stream-agents/kafka/scram."
  }
}

variable "kafka_image" {
  description = "The broker's image. To pin what you tried, name its digest: apache/kafka:4.3.0@sha256:..."
  type        = string
  default     = "apache/kafka:4.3.0"
}

variable "acme_email" {
  description = "Where Let's Encrypt writes about the certificate; null: admin@ the zone."
  type        = string
  default     = null
}

variable "run_reset" {
  description = "Whether a new broker is followed by kafka:wait and kafka:reset on this machine."
  type        = bool
  default     = true
}
