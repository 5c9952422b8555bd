# What belongs to no team.

policy "auditor" {
  path "sys/mounts" { capabilities = ["read"] }
  path "sys/auth" { capabilities = ["read"] }
  path "sys/policies/acl/*" { capabilities = ["read", "list"] }
}

token_role "auditor" {
  allowed_policies       = [policy.auditor]
  orphan                 = true
  token_explicit_max_ttl = "8h"
}

password_policy "strong" {
  policy = <<-EOT
    length = 24
    rule "charset" {
      charset   = "abcdefghijklmnopqrstuvwxyz"
      min-chars = 1
    }
    rule "charset" {
      charset   = "0123456789"
      min-chars = 1
    }
  EOT
}
