use std::collections::BTreeMap;

use proptest::prelude::*;

use super::{Batch, FaultyStorage, FileStorage, InmemStorage, Storage, StorageError, Write};

type Model = BTreeMap<String, Vec<u8>>;

/// One batch of writes; no value deletes.
type Step = Vec<(String, Option<Vec<u8>>)>;

/// Batches of writes to short keys.
fn batches() -> impl Strategy<Value = Vec<Step>> {
    let write = ("[ab/é]{1,4}", proptest::option::of(proptest::collection::vec(any::<u8>(), 0..8)));
    proptest::collection::vec(proptest::collection::vec(write, 0..6), 1..12)
}

fn apply(model: &mut Model, writes: &[(String, Option<Vec<u8>>)]) -> Batch {
    let mut batch = Batch::new();
    for (key, value) in writes {
        match value {
            Some(value) => {
                batch.put(key.as_str(), value.clone());
                model.insert(key.clone(), value.clone());
            }
            None => {
                batch.delete(key.as_str());
                model.remove(key);
            }
        }
    }
    batch
}

async fn check_against(storage: &impl Storage, model: &Model) {
    for prefix in ["", "a", "a/", "é", "b/a"] {
        for after in [None, Some(""), Some("a"), Some("a/"), Some("b"), Some("é")] {
            for limit in [0, 1, 3, usize::MAX] {
                let expected: Vec<(String, Vec<u8>)> = model
                    .iter()
                    .filter(|(key, _)| key.starts_with(prefix))
                    .filter(|(key, _)| after.is_none_or(|after| key.as_str() > after))
                    .take(limit)
                    .map(|(key, value)| (key.clone(), value.clone()))
                    .collect();
                let found = storage.scan(prefix, after, limit).await.unwrap();
                let found: Vec<_> = found.into_iter().map(|(key, value)| (key, value.to_vec())).collect();
                assert_eq!(found, expected, "prefix {prefix}, after {after:?}, limit {limit}");
                let keys: Vec<String> = expected.into_iter().map(|(key, _)| key).collect();
                assert_eq!(storage.scan_keys(prefix, after, limit).await.unwrap(), keys);
            }
        }
    }
    for key in ["a", "b", "a/b", "é"] {
        let found = storage.get(key).await.unwrap().map(|value| value.to_vec());
        assert_eq!(found.as_ref(), model.get(key));
    }
}

async fn check_steps(storage: &impl Storage, steps: &[Step]) {
    let mut model = Model::new();
    for step in steps {
        let before = model.clone();
        let batch = apply(&mut model, step);
        if storage.commit(batch).await.is_err() {
            model = before;
        }
    }
    check_against(storage, &model).await;
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().build().unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn every_storage_behaves_as_an_ordered_map(steps in batches(), seed in any::<u64>()) {
        let folder = tempfile::tempdir().unwrap();
        let file = FileStorage::open(folder.path()).unwrap();
        runtime().block_on(async {
            check_steps(&InmemStorage::new(), &steps).await;
            check_steps(&FaultyStorage::failing_seeded(InmemStorage::new(), seed, 3), &steps).await;
            check_steps(&file, &steps).await;
        });
    }
}

#[test]
fn the_last_write_of_a_key_wins() {
    let mut batch = Batch::new();
    batch.put("a", "1");
    batch.delete("a");
    batch.put("b", "1");
    batch.put("b", "2");
    let writes: Vec<_> = batch.iter().map(|(key, write)| (key.to_owned(), write.clone())).collect();
    assert_eq!(writes, [("a".to_owned(), Write::Delete), ("b".to_owned(), Write::Put("2".into()))]);
    assert!(!format!("{batch:?}").contains("b\"2"));
}

#[tokio::test]
async fn faulty_storage_fails_the_chosen_commit_whole() {
    let storage = FaultyStorage::failing_nth(InmemStorage::new(), 2);
    for (number, fails) in [(1, false), (2, true), (3, false)] {
        let mut batch = Batch::new();
        batch.put(format!("{number}/a"), "a");
        batch.put(format!("{number}/b"), "b");
        let result = storage.commit(batch).await;
        assert_eq!(matches!(result, Err(StorageError::Unavailable { .. })), fails);
    }
    assert_eq!(storage.scan_keys("", None, 9).await.unwrap(), ["1/a", "1/b", "3/a", "3/b"]);
}
