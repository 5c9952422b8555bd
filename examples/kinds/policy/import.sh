#!/bin/sh
terraform import vault_policy.app_read app-read
