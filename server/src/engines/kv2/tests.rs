use serde_json::json;

use super::Kv2;
use crate::core::testing::Harness;

#[tokio::test]
async fn a_secret_is_read_as_it_was_written() {
    let harness = Harness::new(Kv2).await;
    harness.write("data/a", json!({"data": {"x": 1}})).await.expect("written");
    assert_eq!(harness.read("data/a").await.expect("there")["data"], json!({"x": 1}));
}
