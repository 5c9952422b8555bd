#!/bin/sh
terraform import vault_generic_secret.database old/app/database
