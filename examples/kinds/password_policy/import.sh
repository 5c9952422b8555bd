#!/bin/sh
terraform import vault_password_policy.database database
