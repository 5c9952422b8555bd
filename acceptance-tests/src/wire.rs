//! Recorded conversations (`wire.jsonl`), replayed on another server.
