# Values that differ between environments. Give them with `-var environment=prod`, `-var-file prod.vars`, or
# `LOCKSTEP_VAR_environment=prod` in the environment.

variable "environment" {
  type        = string
  default     = "dev"
  description = "Name of the environment: dev, staging, prod"
}

variable "services" {
  type = map(object({
    policies = list(string)
    ttl      = optional(string)
  }))
  default = {
    api    = { policies = ["app-read", "app-write"], ttl = "20m" }
    worker = { policies = ["app-read"] }
  }
}
