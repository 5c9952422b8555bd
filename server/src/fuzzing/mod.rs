//! What must hold for any bytes at all: run by the fuzz targets in `fuzz/`, and by the tests of this crate.
//!
//! Each function takes bytes as they come from outside and panics if something does not hold. There is one for each
//! place where the server reads what somebody wrote who has no token yet, or no rights.

mod body;
mod ids;
mod path;
mod policy;

pub use body::body;
pub use ids::ids;
pub use path::path;
pub use policy::policy;

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    type Target = fn(&[u8]);

    const TARGETS: [(&str, Target); 4] = [("body", body), ("ids", ids), ("path", path), ("policy", policy)];

    #[test]
    fn every_seed_holds() {
        let seeds = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/seeds");
        for (name, target) in TARGETS {
            let folder = seeds.join(name);
            let entries = std::fs::read_dir(&folder).expect("every target has seeds");
            let files: Vec<_> = entries.map(|entry| entry.expect("a file").path()).collect();
            assert!(!files.is_empty(), "{name} has no seed");
            for file in files {
                target(&std::fs::read(file).expect("a readable seed"));
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]

        #[test]
        fn any_bytes_hold(bytes in vec(any::<u8>(), 0..200)) {
            for (_, target) in TARGETS {
                target(&bytes);
            }
        }

        #[test]
        fn any_path_holds(text in "(%2[eEfF]|%[0-9a-f]{2}|[a-c./+*?&=]){0,40}") {
            path(text.as_bytes());
        }

        #[test]
        fn ids_put_together_of_real_ones_hold(bytes in vec(0u8..40, 0..80)) {
            ids(&bytes);
        }
    }
}
