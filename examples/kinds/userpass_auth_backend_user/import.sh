#!/bin/sh
terraform import vault_userpass_auth_backend_user.anne auth/people/users/anne
