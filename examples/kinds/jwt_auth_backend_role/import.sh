#!/bin/sh
terraform import vault_jwt_auth_backend_role.deploy auth/ci/role/deploy
