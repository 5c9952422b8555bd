token_role "deploy" {
  allowed_policies = ["app", "ops"]
  orphan           = true
  token_period     = "1h"
  renewable        = true
  path_suffix      = "ci-jobs"
}
