namespace "payments" {
  custom_metadata = {
    owner = "payments-team"
  }

  namespace "staging" {}
}
