//! Lists of known exceptions with reasons. A list can only shrink: what is on it and no longer true is a failure.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// A list: one exception a line, fields separated by tabs, the reason last; `#` begins a comment line.
///
/// A field that ends in `*` stands for every text that begins with what is before it.
#[derive(Debug)]
pub struct Exceptions {
    file: PathBuf,
    entries: Vec<Vec<String>>,
}

impl Exceptions {
    /// Reads a list whose entries have `keys` fields before the reason.
    ///
    /// # Errors
    /// When the file cannot be read, or a line has no reason or another number of fields.
    pub fn read(file: &Path, keys: usize) -> Result<Self, String> {
        let text = fs::read_to_string(file).map_err(|error| format!("`{}`: {error}", file.display()))?;
        let mut entries = Vec::new();
        for (number, line) in text.lines().enumerate() {
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let mut fields: Vec<String> = line.split('\t').map(str::to_owned).collect();
            let reason = fields.pop().unwrap_or_default();
            if fields.len() != keys || reason.trim().is_empty() {
                return Err(format!(
                    "{}:{}: {keys} fields and a reason are needed",
                    file.display(),
                    number + 1
                ));
            }
            entries.push(fields);
        }
        Ok(Self { file: file.to_path_buf(), entries })
    }

    /// Compares what was found (key and text for people) with the entries whose first field is `scope`.
    ///
    /// # Errors
    /// Names what was found and is not listed, and what is listed and was not found.
    pub fn compare(&self, scope: &str, found: &BTreeMap<Vec<String>, String>) -> Result<(), String> {
        let entries: Vec<_> = self.entries.iter().filter(|entry| entry[0] == scope).collect();
        let new = found.iter().filter(|(key, _)| !entries.iter().any(|entry| covers(entry, key)));
        let mut problems: Vec<String> =
            new.map(|(key, text)| format!("{}\n    {text}", key.join("\t"))).collect();
        for entry in entries.iter().filter(|entry| !found.keys().any(|key| covers(entry, key))) {
            problems.push(format!("listed, but no longer so (remove the line): {}", entry.join("\t")));
        }
        if problems.is_empty() {
            return Ok(());
        }
        let (count, file) = (problems.len(), self.file.display());
        Err(format!("{count} problems; `{file}` lists what is known\n{}", problems.join("\n")))
    }

    /// The second fields of the entries whose first is `scope`.
    pub fn of<'a>(&'a self, scope: &'a str) -> impl Iterator<Item = &'a str> {
        self.entries.iter().filter(move |entry| entry[0] == scope).map(|entry| entry[1].as_str())
    }

    /// Whether an entry covers `key`.
    #[must_use]
    pub fn lists(&self, key: &[&str]) -> bool {
        let key: Vec<String> = key.iter().map(|&field| field.to_owned()).collect();
        self.entries.iter().any(|entry| covers(entry, &key))
    }

    /// The first fields of all entries.
    pub fn scopes(&self) -> impl Iterator<Item = &str> {
        self.entries.iter().map(|entry| entry[0].as_str())
    }
}

fn covers(entry: &[String], key: &[String]) -> bool {
    entry.iter().zip(key).all(|(entry, key)| match entry.strip_suffix('*') {
        Some(beginning) => key.starts_with(beginning),
        None => entry == key,
    })
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    #[track_caller]
    fn check(list: &str, found: &[&str], expected: Result<(), &str>) {
        let mut file = tempfile::NamedTempFile::new().expect("a temporary file");
        file.write_all(list.as_bytes()).expect("it can be written");
        let found =
            found.iter().map(|pointer| (vec!["kv".to_owned(), (*pointer).to_owned()], "differs".to_owned()));
        let answer = Exceptions::read(file.path(), 2).expect("a list").compare("kv", &found.collect());
        match (answer, expected) {
            (Ok(()), Ok(())) => {}
            (Err(text), Err(part)) => assert!(text.contains(part), "{text}"),
            (answer, expected) => panic!("{answer:?} instead of {expected:?}"),
        }
    }

    #[test]
    fn listed_differences_are_no_problem() {
        check("# a comment\nkv\t/a\tit is so\nkv\t/data/*\tother names\n", &["/a", "/data/x"], Ok(()));
    }

    #[test]
    fn unlisted_differences_are_named() {
        check("kv\t/a\tit is so\n", &["/a", "/b"], Err("/b"));
    }

    #[test]
    fn listed_differences_that_are_gone_have_to_be_removed() {
        check("kv\t/a\tit was so\n", &[], Err("remove the line"));
    }
}
