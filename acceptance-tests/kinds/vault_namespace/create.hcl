namespace "team-a" {
  custom_metadata = {
    owner = "ada"
  }
}
