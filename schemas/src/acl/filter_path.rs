//! `list_scan_response_keys_filter_path`: for each key of a list, the path whose rule decides.

use std::borrow::Cow;
use std::fmt;

use crate::text_template::{Filling, Problem, TextTemplate};

/// A template with `{{ .path }}` and `{{ .key }}`, and functions of text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FilterPath(TextTemplate);

/// Two keys without a letter in common. A template that makes the same path of both does not look at the key.
const PROBES: [&str; 2] = ["aBcDeFgHiJkLmNoPqRsTuVwXyZ012345", "zYxWvUtSrQpOnMlKjIhGfEdCbA987654"];

impl FilterPath {
    /// Reads a template.
    ///
    /// Known are `.path` and `.key`, and what [`TextTemplate`] knows.
    ///
    /// # Errors
    /// OpenBao's words when the template cannot be read or does not depend on the key.
    pub fn parse(text: &str) -> Result<Self, String> {
        let template = TextTemplate::parse(text).map_err(told)?;
        if let Some(name) = template.names().find(|name| !matches!(*name, ".path" | ".key")) {
            return Err(unreadable(&format!("{name:?} is neither `.path` nor `.key`")));
        }
        let filter = Self(template);
        let [one, two] = PROBES.map(|key| filter.fill("", key));
        if one.map_err(|why| inapplicable(&why))? == two.map_err(|why| inapplicable(&why))? {
            return Err(
                "list_scan_response_keys_filter_path resulted in same path for two different keys".to_owned()
            );
        }
        Ok(filter)
    }

    /// The path to check for `key` of a list at `path`; `None` if it would be longer than any path is.
    #[must_use]
    pub fn render(&self, path: &str, key: &str) -> Option<String> {
        self.fill(path, key).ok()
    }

    fn fill(&self, path: &str, key: &str) -> Result<String, String> {
        self.0.render(&|name| Ok(Filling::Text(Cow::Borrowed(if name == ".path" { path } else { key }))))
    }
}

impl fmt::Display for FilterPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.text())
    }
}

/// Why a template is refused.
fn told(problem: Problem) -> String {
    match problem {
        Problem::Unreadable(why) => unreadable(&why),
        Problem::NotBuilt(name) => unreadable(&format!("function {name:?} not defined")),
        Problem::Inapplicable(why) => inapplicable(&why),
    }
}

/// The words around a template that cannot be read.
fn unreadable(why: &str) -> String {
    let place = "unable to compile template for list_scan_response_keys_filter_path";
    format!("{place}: unable to parse template: template: template:1: {why}")
}

/// The words around a template that can be read, and comes to nothing.
fn inapplicable(why: &str) -> String {
    format!("failed to validate list_scan_response_keys_filter_path: unable to apply template: {why}")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(template: &str, path: &str, key: &str, expected: &str) {
        let filter = FilterPath::parse(template).unwrap_or_else(|problem| panic!("{template}: {problem}"));
        assert_eq!(filter.render(path, key).as_deref(), Some(expected), "{template}");
    }

    // As OpenBao 2.7.2 answers.
    #[test]
    fn values_and_functions_make_the_path() {
        check("{{ .path }}{{ .key }}", "kv/", "a", "kv/a");
        check("x/{{- /* none */ -}} {{.key}} }}", "kv/", "a", "x/a }}");
        check(r#"{{ .path | replace "metadata" "data" }}{{ .key }}"#, "kv/metadata/a/", "b", "kv/data/a/b");
        check("{{ replace `a` .path .key }}", "p", "banana", "bpnpnp");
        check("{{ .key | uppercase | lowercase | truncate 2 }}", "", "Ábc", "á");
        check("{{ .key | truncate 1 }}", "", "é", "\u{fffd}");
        check("k/{{ .key | base64 }}", "", "a b", "k/YSBi");
        check(r#"{{ "}}\"" }}{{ .key }}"#, "", "a", "}}\"a");
    }

    #[test]
    fn what_has_no_measure_is_refused_and_what_grows_at_a_key_names_no_path() {
        for (commands, is_known) in [(30, true), (31, true), (32, false), (5_000, false), (1_000_000, false)]
        {
            let template = format!("{{{{ .key{} }}}}", " | lowercase".repeat(commands));
            assert_eq!(FilterPath::parse(&template).is_ok(), is_known, "{commands}");
            let template = "{{ .key }}".repeat(commands + 1);
            assert_eq!(FilterPath::parse(&template).is_ok(), is_known, "{commands}");
        }
        for endless in [" | base64".repeat(30), " | replace \"\" \"abcdefgh\"".repeat(8)] {
            let problem = FilterPath::parse(&format!("{{{{ .key{endless} }}}}")).expect_err("endless");
            assert!(problem.ends_with("the text is longer than 8192 bytes"), "{problem}");
        }
        let filter = FilterPath::parse("{{ .path }}{{ .key | base64 }}").expect("a template");
        assert_eq!(filter.render("kv/", &"a".repeat(7_000)), None);
        assert_eq!(filter.render(&"a/".repeat(5_000), "k"), None);
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        for template in [
            "{{ .path }}",
            "{{ .key",
            "{{ }}",
            "{{ .key | }}",
            "{{ .key .path }}",
            "{{ .Key }}{{ .key }}",
            "{{ if true }}{{ .key }}{{ end }}",
            "{{ .key }}{{ uuid }}",
            "{{ truncate .key }}",
            "{{ .key | truncate 0 }}",
            "{{ replace \"a\" .key }}",
            "{{ 3 | uppercase }}{{ .key }}",
            "{{/* open",
        ] {
            assert!(FilterPath::parse(template).is_err(), "{template}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(
            text in r#"(\{\{|\}\}|-| |\.key|\.path|\||"|`|\\|replace|truncate|[0-9]|é|\u{a0}|/\*|\*/|[a-c]){0,12}"#,
            key in ".{0,6}",
        ) {
            if let Ok(filter) = FilterPath::parse(&text) {
                drop(filter.render("kv/", &key));
                prop_assert_eq!(FilterPath::parse(&filter.to_string()), Ok(filter));
            }
        }
    }
}
