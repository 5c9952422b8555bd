#!/bin/sh
terraform import vault_kv_secret_backend_v2.kv kv/config
