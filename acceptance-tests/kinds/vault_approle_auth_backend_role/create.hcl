auth "machines" {
  type = "approle"

  role "web" {
    token_policies = ["app"]
    token_ttl      = "20m"
    token_max_ttl  = "1h"
    secret_id_ttl  = "10m"

    token_strictly_bind_ip = true
  }
}
