#!/bin/sh
terraform import vault_auth_backend.machines machines
