//! Cases that people can read: Markdown with a configuration, perhaps what is live, and what is expected.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// A case of a file.
pub(crate) struct Case {
    pub(crate) title: String,
    /// Fenced blocks by the word after the fence.
    pub(crate) blocks: BTreeMap<String, String>,
}

/// Runs `render` on every case of the Markdown files in `tests/<folder>`, and compares with the block `text`.
/// `UPDATE_EXPECT=1` writes what came out instead.
pub(crate) fn check_folder(folder: &str, render: impl Fn(&Case) -> String) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(folder);
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(&root).expect("the folder").map(|entry| entry.expect("an entry").path()).collect();
    files.sort();
    assert!(!files.is_empty(), "{} has no case", root.display());
    let update = std::env::var_os("UPDATE_EXPECT").is_some();
    let mut wrong = Vec::new();
    for file in files {
        let text = std::fs::read_to_string(&file).expect("a case file");
        let fresh = rewritten(&text, &render);
        if fresh == text {
            continue;
        }
        if update {
            std::fs::write(&file, fresh).expect("writing the case file");
        } else {
            wrong.push(difference(&file, &text, &fresh));
        }
    }
    assert!(
        wrong.is_empty(),
        "{}\nUPDATE_EXPECT=1 cargo test -p reconciler takes what came out",
        wrong.join("\n")
    );
}

fn difference(file: &Path, expected: &str, fresh: &str) -> String {
    let diff = similar::TextDiff::from_lines(expected, fresh);
    format!("{}:\n{}", file.display(), diff.unified_diff().context_radius(3))
}

/// The file with the expected blocks as `render` makes them.
fn rewritten(text: &str, render: &impl Fn(&Case) -> String) -> String {
    let mut out = String::new();
    let mut case = Case { title: String::new(), blocks: BTreeMap::new() };
    let mut fence: Option<(String, String)> = None;
    for line in text.lines() {
        match (&mut fence, line.strip_prefix("```")) {
            (None, Some(word)) => {
                fence = Some((word.to_owned(), String::new()));
                out.push_str(&format!("{line}\n"));
            }
            (Some((word, body)), Some("")) => {
                if word == "text" {
                    body.clone_from(&render(&case));
                }
                out.push_str(&format!("{body}```\n"));
                case.blocks.insert(word.clone(), body.clone());
                fence = None;
            }
            (Some((_, body)), _) => body.push_str(&format!("{line}\n")),
            (None, None) => {
                if let Some(title) = line.strip_prefix("## ") {
                    case = Case { title: title.to_owned(), blocks: BTreeMap::new() };
                }
                out.push_str(&format!("{line}\n"));
            }
        }
    }
    out
}
