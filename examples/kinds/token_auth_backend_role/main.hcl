token_role "deploy" {
  allowed_policies    = ["deploy", "app-read"]
  disallowed_policies = ["default"]
  orphan              = true
  token_period        = "1h"
  path_suffix         = "deploys"
}
