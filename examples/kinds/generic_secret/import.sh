#!/bin/sh
terraform import vault_generic_secret.mail flat/shop/mail
