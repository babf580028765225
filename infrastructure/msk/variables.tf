variable "region" {
  description = "AWS region of everything here."
  type        = string
  default     = "us-west-2"
}

variable "name" {
  description = "Name of the cluster, and the beginning of every other name."
  type        = string
  default     = "stream-agents"
}

variable "kafka_version" {
  description = "A version of MSK with KRaft. AWS's list: aws kafka list-kafka-versions"
  type        = string
  default     = "3.9.x.kraft"
}

variable "public_access_type" {
  description = "DISABLED while the cluster is created (AWS accepts nothing else), SERVICE_PROVIDED_EIPS in step 2."
  type        = string
  default     = "DISABLED"

  validation {
    condition     = contains(["DISABLED", "SERVICE_PROVIDED_EIPS"], var.public_access_type)
    error_message = "Either DISABLED (step 1) or SERVICE_PROVIDED_EIPS (step 2)."
  }
}

variable "client_cidrs" {
  description = "IPv4 networks that may reach the public listener (port 9198). Never the whole internet."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for c in var.client_cidrs : can(cidrnetmask(c)) && try(tonumber(split("/", c)[1]), 0) >= 16])
    error_message = "Name your networks as IPv4, /16 or narrower, such as \"203.0.113.7/32\"; 0.0.0.0/0 is refused."
  }

  validation {
    condition     = var.public_access_type == "DISABLED" || length(var.client_cidrs) > 0
    error_message = "Step 2 opens port 9198 to named networks only: put client_cidrs = [\"<your address>/32\"] into terraform.tfvars."
  }
}

variable "run_reset" {
  description = "Whether a new cluster is followed by kafka:wait and kafka:reset on this machine."
  type        = bool
  default     = true
}
