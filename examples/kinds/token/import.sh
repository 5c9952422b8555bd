#!/bin/sh
# By the accessor. The token itself cannot be had that way.
terraform import vault_token.backup wcZsXauA4cYXTJbZDO3YG7L0
