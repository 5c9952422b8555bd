#!/bin/sh
terraform import vault_generic_endpoint.phone totp/keys/phone
