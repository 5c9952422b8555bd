auth "machines" {
  type = "approle"

  role "web" {
    token_policies     = ["app", "ops"]
    token_ttl          = "10m"
    token_max_ttl      = "1h"
    secret_id_num_uses = 3
  }
}
