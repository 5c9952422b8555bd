path "guarded/*" {
  capabilities = ["read", "update", "create"]

  control_group = {
    ttl = "1h"

    factor "ops" {
      controlled_capabilities = ["read", "create"]

      identity {
        group_names = ["ops"]
        approvals = 1
      }
    }
  }
}

path "sys/control-group/*" {
  capabilities = ["update"]
}
