//! Lists of known exceptions with reasons. A list can only shrink: what is on it and no longer true is a failure.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// A list: one exception a line, fields separated by tabs, the reason last; `#` begins a comment line.
#[derive(Debug)]
pub struct Exceptions {
    file: PathBuf,
    reasons: BTreeMap<Vec<String>, String>,
}

impl Exceptions {
    /// Reads a list whose entries have `keys` fields before the reason.
    ///
    /// # Errors
    /// When the file cannot be read, or a line has no reason or another number of fields.
    pub fn read(file: &Path, keys: usize) -> Result<Self, String> {
        let text = fs::read_to_string(file).map_err(|error| format!("`{}`: {error}", file.display()))?;
        let mut reasons = BTreeMap::new();
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
            reasons.insert(fields, reason);
        }
        Ok(Self { file: file.to_path_buf(), reasons })
    }

    /// Compares what was found, within the entries whose first field is `scope`, with the list.
    ///
    /// # Errors
    /// Names what was found and is not listed, and what is listed and was not found.
    pub fn compare(&self, scope: &str, found: &BTreeMap<Vec<String>, String>) -> Result<(), String> {
        let mut problems = Vec::new();
        for (key, text) in found {
            if !self.reasons.contains_key(key) {
                problems.push(format!("differs: {}\n    {text}", key.join("\t")));
            }
        }
        for key in self.reasons.keys().filter(|key| key[0] == scope && !found.contains_key(*key)) {
            problems.push(format!("listed, but no longer differs (remove the line): {}", key.join("\t")));
        }
        if problems.is_empty() {
            return Ok(());
        }
        Err(format!(
            "{} problems; {} lists what is known\n{}",
            problems.len(),
            self.file.display(),
            problems.join("\n")
        ))
    }

    /// The first fields of all entries.
    pub fn scopes(&self) -> impl Iterator<Item = &str> {
        self.reasons.keys().map(|key| key[0].as_str())
    }
}
