#!/bin/sh
terraform import vault_generic_endpoint.anne auth/people/users/anne
