//! The usual shape of an irregular conversation: some writes, some reads, then the object.

use std::time::Duration;

use crate::behavior::verdict_of_write;
use crate::{Answer, Diagnostic, Record, Request, Step, Template};

/// Makes `writes`, then `reads`, then asks `finish` what the answers to the reads come to.
///
/// The first read decides whether the object exists; any other refusal ends the conversation.
pub(super) fn exchange(
    writes: &[Request],
    reads: &[Request],
    answers: &[Answer],
    finish: impl FnOnce(&[Answer]) -> Step,
) -> Step {
    let (written, read) = answers.split_at(answers.len().min(writes.len()));
    let refused = written.iter().find_map(verdict_of_write);
    if let Some(end) = refused.or_else(|| read.iter().enumerate().find_map(verdict_of_read)) {
        return end;
    }
    match writes.iter().chain(reads).nth(answers.len()) {
        Some(request) => Step::Call(request.clone()),
        None => finish(read),
    }
}

fn verdict_of_read((index, answer): (usize, &Answer)) -> Option<Step> {
    match answer {
        answer if answer.is_success() => None,
        answer if index == 0 && answer.says_gone() => Some(Step::Gone),
        _ => Some(Step::Refused),
    }
}

/// How long, and how often, to wait for an engine that is not ready.
const PAUSE: Duration = Duration::from_millis(250);
const PAUSES: usize = 40;

/// The next step, with every request repeated that met a key/value engine in the moment after its mount in which
/// it makes itself versioned and refuses everything.
pub(super) fn when_ready(answers: &[Answer], next: impl FnOnce(&[Answer]) -> Step) -> Step {
    let ready: Vec<_> = answers.iter().filter(|answer| !is_upgrading(answer)).cloned().collect();
    let pauses = answers.len() - ready.len();
    if pauses == 0 || pauses > PAUSES {
        return next(answers);
    }
    match next(&ready) {
        Step::Call(request) if answers.last().is_some_and(is_upgrading) => Step::CallAfter(PAUSE, request),
        step => step,
    }
}

fn is_upgrading(answer: &Answer) -> bool {
    answer.status == 400 && answer.errors().iter().any(|error| error.contains("Upgrading from non-versioned"))
}

/// Makes one request that removes something. What is not there needs no removing.
pub(super) fn remove(request: Request, answers: &[Answer]) -> Step {
    match answers.first() {
        None => Step::Call(request),
        Some(answer) if answer.is_success() || answer.says_gone() => Step::Gone,
        Some(_) => Step::Refused,
    }
}

/// The path that `template` makes of the fields of `record`.
///
/// # Errors
/// The field that is missing.
pub(super) fn path(template: &'static str, record: &Record) -> Result<String, Diagnostic> {
    Template(template).render(record).map_err(|field| {
        Diagnostic::error(format!("`{field}` is not set"))
            .because(format!("it is part of the path `{template}`"))
            .at_field(field)
    })
}
