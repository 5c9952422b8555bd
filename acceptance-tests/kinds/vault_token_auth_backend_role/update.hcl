token_role "deploy" {
  allowed_policies    = ["app"]
  disallowed_policies = ["root-like"]
  orphan              = true
  token_period        = "2h"
  renewable           = true
  path_suffix         = "ci-jobs"
}
