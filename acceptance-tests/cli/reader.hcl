path "shelf/metadata/*" {
  capabilities                        = ["list"]
  list_scan_response_keys_filter_path = "{{ .path | replace \"metadata\" \"data\" }}{{ .key }}"
}
path "shelf/data/red" {
  capabilities = ["read"]
}
path "sys/internal/ui/mounts/*" {
  capabilities = ["read"]
}
