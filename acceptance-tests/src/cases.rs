//! Folders of cases.

use std::fs;
use std::path::{Path, PathBuf};

/// The folders in `parent`, in order of their names.
///
/// # Errors
/// When `parent` cannot be read.
pub fn folders(parent: &Path) -> Result<Vec<(String, PathBuf)>, String> {
    Ok(entries(parent)?.into_iter().filter(|(_, path)| path.is_dir()).collect())
}

/// The files in `parent` with this extension, by name without it, in order.
///
/// # Errors
/// When `parent` cannot be read.
pub fn files(parent: &Path, extension: &str) -> Result<Vec<(String, PathBuf)>, String> {
    let files = entries(parent)?.into_iter();
    let files = files.filter(|(_, path)| path.extension().is_some_and(|found| found == extension));
    Ok(files.map(|(name, path)| (name.trim_end_matches(&format!(".{extension}")).to_owned(), path)).collect())
}

/// All files in `parent`, by name, in order.
///
/// # Errors
/// When `parent` cannot be read.
pub fn all_files(parent: &Path) -> Result<Vec<(String, PathBuf)>, String> {
    Ok(entries(parent)?.into_iter().filter(|(_, path)| path.is_file()).collect())
}

fn entries(parent: &Path) -> Result<Vec<(String, PathBuf)>, String> {
    let entries = fs::read_dir(parent).map_err(|error| format!("`{}`: {error}", parent.display()))?;
    let mut found: Vec<(String, PathBuf)> = entries
        .filter_map(Result::ok)
        .map(|entry| (entry.file_name().to_string_lossy().into_owned(), entry.path()))
        .collect();
    found.sort();
    Ok(found)
}

/// Text of a file of a case.
///
/// # Errors
/// When it cannot be read.
pub fn text(file: &Path) -> Result<String, String> {
    fs::read_to_string(file).map_err(|error| format!("`{}`: {error}", file.display()))
}

/// Text of a file of a case, if the case has it.
///
/// # Errors
/// When it is there and cannot be read.
pub fn optional_text(file: &Path) -> Result<Option<String>, String> {
    if file.exists() { text(file).map(Some) } else { Ok(None) }
}

/// Lines `NAME=value` of an environment file.
#[must_use]
pub fn environment(text: &str) -> Vec<(String, String)> {
    let pairs = text.lines().filter_map(|line| line.split_once('='));
    pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}
