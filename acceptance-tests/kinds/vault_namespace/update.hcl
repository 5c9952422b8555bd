namespace "team-a" {
  custom_metadata = {
    owner = "eve"
    cost  = "17"
  }
}
