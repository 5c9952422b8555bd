//! Files of a configuration.

use std::collections::BTreeSet;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use hcl_edit::structure::Body;
use schemas::{Diagnostic, said_of_file};

use super::conceal::literals;
use super::faults::Faults;
use super::mend::{IsBlock, MAX_ERRORS, blanked, broken_part};
use super::scan::{Open, scan};

/// A file as it was read.
#[derive(Clone, Debug)]
pub(crate) struct SourceFile {
    /// Its path as the user gave it.
    pub(crate) name: Arc<str>,
    /// Its text.
    pub(crate) text: Arc<str>,
}

/// What could be read of a file.
#[derive(Default)]
pub(crate) struct Reading {
    pub(crate) body: Body,
    /// What is wrong with its syntax.
    pub(crate) errors: Vec<Diagnostic>,
    /// What was left out because of that.
    pub(crate) gaps: Vec<Range<usize>>,
    /// The literals, which may be secrets.
    pub(crate) literals: Vec<Range<usize>>,
}

/// Bytes of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span {
    /// The file.
    pub file: Arc<str>,
    /// The bytes.
    pub range: Range<usize>,
    /// The line they begin in, from 1.
    pub line: usize,
}

/// All files of a configuration, for showing errors in them.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    files: Vec<SourceFile>,
    /// The same with stars in place of what must not be shown.
    shown: Vec<SourceFile>,
}

/// Largest file that is read, in bytes.
const MAX_FILE_BYTES: u64 = 64 << 20;

impl Sources {
    /// The text of the file called `name` as it may be shown.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.shown.iter().find(|file| &*file.name == name).map(|file| &*file.text)
    }

    /// The file called `name`.
    pub(crate) fn file(&self, name: &str) -> Option<&SourceFile> {
        self.files.iter().find(|file| &*file.name == name)
    }

    /// The same files with stars in place of what stands at `hidden`.
    pub(crate) fn masked(&self, hidden: &[Span]) -> Self {
        let mask = |file: &SourceFile| {
            let here = hidden.iter().filter(|span| span.file == file.name);
            file.masked(&here.map(|span| span.range.clone()).collect::<Vec<_>>())
        };
        Self { files: self.files.clone(), shown: self.shown.iter().map(mask).collect() }
    }

    /// Adds a file that may be shown as it is.
    pub(crate) fn add(&mut self, file: SourceFile) {
        self.shown.push(file.clone());
        self.files.push(file);
    }

    /// Says how the file of its name is to be shown.
    pub(crate) fn show(&mut self, shown: SourceFile) {
        self.shown.retain(|file| file.name != shown.name);
        self.shown.push(shown);
    }

    /// The files, in the order they were read.
    pub(crate) fn files(&self) -> &[SourceFile] {
        &self.files
    }
}

impl SourceFile {
    /// The place of `range`.
    pub(crate) fn span(&self, range: Range<usize>) -> Span {
        let end = range.start.min(self.text.len());
        let line = self.text.as_bytes()[..end].iter().filter(|byte| **byte == b'\n').count() + 1;
        Span { file: self.name.clone(), range, line }
    }

    /// Where the value stands of the attribute at `place`; `place` itself if that is a block.
    pub(crate) fn value_range(&self, place: Range<usize>) -> Range<usize> {
        let text = self.text.get(place.clone()).unwrap_or_default();
        let Some(sign) = text.find('=') else { return place };
        let blanks = text[sign + 1..].len() - text[sign + 1..].trim_start().len();
        place.start + sign + 1 + blanks..place.end
    }

    /// What shows the value at `place`: of an attribute its value, of a block the rest of the line.
    pub(crate) fn shown_range(&self, place: Range<usize>) -> Range<usize> {
        let value = self.value_range(place.clone());
        if value != place {
            return value;
        }
        let line = self.text[place.end..].find('\n').map_or(self.text.len(), |length| place.end + length);
        place.end..line
    }

    /// Where the quoted `text` stands within `range`.
    pub(crate) fn find_text(&self, range: Range<usize>, text: &str) -> Option<Range<usize>> {
        let quoted = schemas::json::render(&text.into());
        let at = self.text.get(range.clone())?.find(&quoted)?;
        Some(range.start + at..range.start + at + quoted.len())
    }

    /// The same with stars in `ranges`, all else where it was.
    pub(crate) fn masked(&self, ranges: &[Range<usize>]) -> Self {
        let mut ranges = ranges.to_vec();
        ranges.sort_by_key(|range| range.start);
        let mut ranges = ranges.into_iter().peekable();
        let (mut text, mut end) = (String::with_capacity(self.text.len()), 0);
        for (at, c) in self.text.char_indices() {
            while let Some(range) = ranges.next_if(|range| range.start <= at) {
                end = end.max(range.end);
            }
            match at < end && !c.is_whitespace() {
                true => text.extend(std::iter::repeat_n('*', c.len_utf8())),
                false => text.push(c),
            }
        }
        Self { name: self.name.clone(), text: text.into() }
    }

    /// The same with stars everywhere but in `ranges`.
    pub(crate) fn masked_but(&self, ranges: &[Range<usize>]) -> Self {
        let mut sorted = ranges.to_vec();
        sorted.sort_by_key(|range| range.start);
        let starts = std::iter::once(0).chain(sorted.iter().map(|range| range.end));
        let ends = sorted.iter().map(|range| range.start).chain([self.text.len()]);
        self.masked(&starts.zip(ends).map(|(start, end)| start..end).collect::<Vec<_>>())
    }

    /// The folder it is in.
    pub(crate) fn folder(&self) -> PathBuf {
        Path::new(&*self.name).parent().map(Path::to_path_buf).unwrap_or_default()
    }

    /// The parsed file: all of it that can be read. Files are made of blocks whose names `is_block` tells.
    pub(crate) fn parse(&self, is_block: IsBlock<'_>) -> Reading {
        let mut reading = Reading::default();
        let mut text = self.text.to_string();
        for _ in 0..MAX_ERRORS {
            let scanned = scan(&text);
            let error = match hcl_edit::parser::parse_body(&scanned.text) {
                Ok(body) => {
                    reading.literals.extend(literals(&text, &(0..text.len()), &scanned, is_block));
                    return Reading { body, ..reading };
                }
                Err(error) => error,
            };
            let at = self.boundary(error.location().offset());
            let gap = broken_part(&text, &scanned, at, is_block);
            reading.literals.extend(literals(&text, &gap, &scanned, is_block));
            // What is left of a part that was left out is no error of its own.
            let follows = reading.gaps.iter().any(|known| gap.start <= known.start && known.end <= gap.end);
            if !follows {
                reading.errors.push(self.syntax_error(&error, scanned.open));
            }
            if gap.is_empty() {
                break;
            }
            text = blanked(&text, &gap);
            reading.gaps.push(gap);
        }
        // What nobody read to its end is shown nowhere.
        reading.literals.push(0..self.text.len());
        reading
    }

    /// `found`, said of the code at `range`, without what may be a secret there: the values that it names.
    pub(crate) fn unsaid(&self, range: Range<usize>, found: Diagnostic, is_block: IsBlock<'_>) -> Diagnostic {
        let code = self.text.get(range).unwrap_or_default();
        let file = Self { name: self.name.clone(), text: code.into() };
        let shown = file.masked(&literals(code, &(0..code.len()), &scan(code), is_block));
        without_values(found, &shown.text)
    }

    /// The parsed file, if nothing is wrong with its syntax.
    ///
    /// # Errors
    /// All that is wrong.
    pub(crate) fn parse_whole(&self) -> Result<Body, Faults> {
        let reading = self.parse(&|_| false);
        if reading.errors.is_empty() { Ok(reading.body) } else { Err(Faults(reading.errors)) }
    }

    fn syntax_error(&self, error: &hcl_edit::parser::Error, open: Option<Open>) -> Diagnostic {
        if let Some(open) = open {
            return Diagnostic::error(format!("this {} is never closed", open.what))
                .at_span(&self.name, open.at)
                .hint(format!("close it with `{}`", open.closed_by));
        }
        let start = self.boundary(error.location().offset());
        let end = self.text[start..].chars().next().map_or(start, |c| start + c.len_utf8());
        let found = Diagnostic::error(error.message().replace("; ", ", ")).at_span(&self.name, start..end);
        found.hint(hint(error.message(), self.text.split_at(start)))
    }

    /// The nearest start of a character at or before `offset`.
    fn boundary(&self, offset: usize) -> usize {
        let mut offset = offset.min(self.text.len());
        while !self.text.is_char_boundary(offset) {
            offset -= 1;
        }
        offset
    }
}

/// `found` without the values it names that do not stand in `code`. Its hints may name them, too.
fn without_values(found: Diagnostic, code: &str) -> Diagnostic {
    let mask = |text: &str| {
        let quoted =
            text.split('`').enumerate().map(|(index, part)| match index % 2 == 1 && !code.contains(part) {
                true => "***",
                false => part,
            });
        quoted.collect::<Vec<_>>().join("`")
    };
    let (summary, detail) = (mask(&found.summary), mask(&found.detail));
    if summary == found.summary && detail == found.detail {
        return found;
    }
    let hints = vec!["it is not shown, since it may be a secret; if it is text, put it in quotes".to_owned()];
    Diagnostic { summary, detail, hints, ..found }
}

/// True if a bracket is opened in `line` and not closed there, texts aside.
fn opens_block(line: &str) -> bool {
    let code = line.split('"').step_by(2).flat_map(str::chars);
    let depth = code.fold(0_usize, |depth, c| match c {
        '{' => depth + 1,
        '}' => depth.saturating_sub(1),
        _ => depth,
    });
    depth > 0
}

/// How it is written, with what stands before and behind the error.
fn hint(message: &str, (before, rest): (&str, &str)) -> &'static str {
    let line = rest.split('\n').next().unwrap_or_default();
    let begun = before.rsplit('\n').next().unwrap_or_default();
    if message.contains("expected `{`") && line.starts_with('"') && line.contains("${") {
        return "a label is literal text; give the computed name as an attribute inside the block";
    }
    if message.contains("invalid expression") && line.trim().is_empty() {
        return "a value is missing here";
    }
    if message.contains("invalid expression") {
        return "a value is text in quotes, a number, `true`, `false`, a list, a map, or a name such as `var.x`";
    }
    if message.contains("expected `]`") || message.contains("invalid object item") {
        return "put a comma between two elements";
    }
    let is_of_body = message.contains("block body") || message.contains("invalid attribute");
    if is_of_body && opens_block(begun) && !line.starts_with(':') {
        return "the attributes and blocks in a block stand on lines of their own; a block of one line holds one attribute";
    }
    if message.contains("newline") && line.starts_with([',', ';']) {
        return "one attribute stands on a line, and nothing else behind it";
    }
    if message.contains("newline") {
        return "one attribute stands on a line; text needs quotes";
    }
    "an attribute is `name = value`, a block `name \"label\" { … }`"
}

/// Reads `paths`: files as they are, and all `*.hcl` files of folders, by name. What cannot be read is reported.
pub(crate) fn read(paths: &[PathBuf]) -> (Sources, Vec<Diagnostic>) {
    const HINT: &str = "name files, or folders whose `*.hcl` files are read";
    let mut sources = Sources::default();
    let (mut found, mut seen) = (Vec::new(), BTreeSet::new());
    for path in paths {
        let files = match files_of(path) {
            Ok(files) => files,
            Err(error) => {
                found.push(unreadable(path, &error).hint(HINT));
                continue;
            }
        };
        if files.is_empty() {
            let text = format!("folder `{}` has no `*.hcl` file", path.display());
            found.push(Diagnostic::error(text).hint("name the files, or the folder they are in"));
        }
        // A file may be named by itself and by its folder.
        for file in files.iter().filter(|file| seen.insert(file.canonicalize().unwrap_or((*file).clone()))) {
            match read_code(file).map_err(|error| error.hint(HINT)).and_then(no_json) {
                Ok(file) => sources.add(file),
                Err(error) => found.push(error),
            }
        }
    }
    (sources, found)
}

/// `file`, unless it is JSON, which is not what configurations are written in.
fn no_json(file: SourceFile) -> Result<SourceFile, Diagnostic> {
    if !file.text.trim_start().starts_with('{') {
        return Ok(file);
    }
    let found = Diagnostic::error(format!("`{}` is no HCL", file.name)).because("it begins as JSON does");
    Err(found.hint(format!("if it is a saved plan: `lockstep apply {}`", file.name)))
}

fn unreadable(path: &Path, error: &std::io::Error) -> Diagnostic {
    Diagnostic::error(format!("`{}` cannot be read", path.display())).because(said_of_file(error))
}

fn files_of(path: &Path) -> std::io::Result<Vec<PathBuf>> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut files = Vec::new();
    for entry in std::fs::read_dir(path)? {
        let file = entry?.path();
        if file.extension().is_some_and(|extension| extension == "hcl") && !file.is_dir() {
            files.push(file);
        }
    }
    files.sort();
    Ok(files)
}

/// A file that is read as HCL or JSON: some editors begin one with a byte order mark.
pub(crate) fn read_code(path: &Path) -> Result<SourceFile, Diagnostic> {
    let file = read_file(path)?;
    let text = file.text.strip_prefix('\u{feff}').map(Arc::from);
    Ok(SourceFile { text: text.unwrap_or(file.text), ..file })
}

pub(crate) fn read_file(path: &Path) -> Result<SourceFile, Diagnostic> {
    let size = std::fs::metadata(path).map_err(|error| unreadable(path, &error))?.len();
    if size > MAX_FILE_BYTES {
        return Err(Diagnostic::error(format!("`{}` is too large", path.display()))
            .because(format!("it has {size} bytes; the limit is {MAX_FILE_BYTES}")));
    }
    let text = std::fs::read_to_string(path).map_err(|error| unreadable(path, &error))?;
    let name = path.strip_prefix(".").unwrap_or(path).display().to_string();
    Ok(SourceFile { name: name.into(), text: text.into() })
}
