#!/bin/sh
terraform import vault_kv_secret_v2.database kv/data/shop/database
