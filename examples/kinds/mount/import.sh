#!/bin/sh
terraform import vault_mount.secrets secrets
