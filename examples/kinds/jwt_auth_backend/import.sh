#!/bin/sh
terraform import vault_jwt_auth_backend.ci ci
