#!/bin/sh
terraform import vault_approle_auth_backend_role.web auth/machines/role/web
