length = 20
rule "charset" {
  charset = "abc"
  min-chars = 1
}
