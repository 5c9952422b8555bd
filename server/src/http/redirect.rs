//! Paths that are not clean are sent elsewhere, before anything looks at them.

/// Where `path` (still percent-encoded) should have been asked for; `None` if it is clean.
pub(crate) fn cleaned(path: &str) -> Option<String> {
    let is_clean = path.starts_with('/')
        && !path.contains("//")
        && !path.split('/').any(|segment| segment == "." || segment == "..");
    if is_clean {
        return None;
    }
    let mut segments: Vec<&str> = Vec::new();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => drop(segments.pop()),
            segment => segments.push(segment),
        }
    }
    let mut clean = format!("/{}", segments.join("/"));
    if path.ends_with('/') && clean != "/" {
        clean.push('/');
    }
    Some(clean)
}

/// The body of a redirect.
pub(super) fn page(location: &str) -> String {
    let text = location.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&#34;");
    format!("<a href=\"{text}\">Temporary Redirect</a>.\n\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unclean_paths_have_a_clean_form() {
        for (path, expected) in [
            ("/v1/secret/x", None),
            ("/v1/secret/x/", None),
            ("/v1/secret/../x", Some("/v1/x")),
            ("/v1//secret/./x/", Some("/v1/secret/x/")),
            ("/../../v1", Some("/v1")),
            ("/v1/..data", None),
        ] {
            assert_eq!(cleaned(path).as_deref(), expected, "{path}");
        }
    }
}
