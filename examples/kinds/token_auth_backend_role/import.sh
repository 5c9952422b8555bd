#!/bin/sh
terraform import vault_token_auth_backend_role.deploy auth/token/roles/deploy
