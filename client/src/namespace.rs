//! Namespace paths.

/// The namespace `inner` of namespace `outer`, without slashes at the ends. Both may be empty.
pub fn join(outer: &str, inner: &str) -> String {
    let parts = [outer, inner].map(|part| part.trim_matches('/'));
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slashes_are_never_doubled() {
        assert_eq!(join("a/", "/b/c/"), "a/b/c");
        assert_eq!(join("", "b"), "b");
        assert_eq!(join("a", ""), "a");
        assert_eq!(join("/", "/"), "");
    }
}
