auth "machines" {
  type = "approle"

  role "web" {
    token_policies        = ["app-read"]
    token_ttl             = "20m"
    token_max_ttl         = "1h"
    secret_id_ttl         = "24h"
    secret_id_bound_cidrs = ["10.0.0.0/8"]
  }
}
