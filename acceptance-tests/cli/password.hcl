length = 8
rule "charset" {
  charset = "0123456789"
}
