//! Plans and drift for people.

use schemas::acl::AclPolicy;
use schemas::{Diagnostic, Shape, Text, Value};
use similar::{ChangeTag, TextDiff};
use unicode_width::UnicodeWidthStr as _;

use super::style::Tone;
use super::{Style, value};
use crate::Address;
use crate::address::NAMESPACE;
use crate::plan::{Action, Change, Plan, Step, Unseen};
use crate::server::Identity;

/// Longest value that is shown beside another on one line, in characters.
const MAX_BESIDE: usize = 60;

/// Unchanged lines that are shown around a change of a text.
const CONTEXT: usize = 2;

/// `plan` for people. Ends with a newline.
pub fn plan(plan: &Plan, style: Style) -> String {
    let mut page = Page { style, text: String::new() };
    page.steps(plan, &|page, step| page.step(step));
    page.unverifiable(plan);
    page.text.push_str(&summary(plan, style));
    page.text
}

/// How the server differs from what is declared, for people. Ends with a newline.
pub fn drift(plan: &Plan, style: Style) -> String {
    let mut page = Page { style, text: String::new() };
    page.steps(plan, &|page, step| page.finding(step));
    page.unverifiable(plan);
    page.text.push_str(&drift_summary(plan, style));
    page.text
}

struct Page {
    style: Style,
    text: String,
}

/// The sign of an action, and its color.
fn sign(action: Action) -> (&'static str, Tone) {
    match action {
        Action::Create => ("+", Tone::Added),
        Action::Update => ("~", Tone::Changed),
        Action::Move => ("→", Tone::Changed),
        Action::Replace => ("±", Tone::Removed),
        Action::Delete => ("-", Tone::Removed),
        Action::Blocked => ("!", Tone::Warned),
        Action::Unknown => ("?", Tone::Warned),
        Action::None | Action::Unverifiable => ("=", Tone::Dim),
    }
}

fn is_shown(step: &Step) -> bool {
    !matches!(step.action, Action::None | Action::Unverifiable)
}

/// True for an object that nobody looked at.
fn is_unseen(step: &Step) -> bool {
    step.action == Action::Unverifiable && step.live.is_none() && step.reason.is_some()
}

/// What `namespace`, which is relative to that of `server`, is called.
fn title(server: &Identity, namespace: &Address) -> String {
    let labels = server.namespace.split('/').filter(|label| !label.is_empty());
    let own = labels.fold(Address::root(), |own, label| own.join(NAMESPACE, label));
    let absolute = namespace.rebased(&Address::root(), &own);
    if absolute == Address::root() { "root namespace".to_owned() } else { absolute.to_string() }
}

impl Page {
    fn line(&mut self, text: &str) {
        self.text.push_str(text.trim_end());
        self.text.push('\n');
    }

    /// All steps that say something, by namespace.
    fn steps(&mut self, plan: &Plan, each: &dyn Fn(&mut Self, &Step)) {
        let shown: Vec<&Step> = plan.steps.iter().filter(|step| is_shown(step)).collect();
        let mut namespaces: Vec<_> = shown.iter().map(|step| step.address.namespace_address()).collect();
        namespaces.sort();
        namespaces.dedup();
        for namespace in &namespaces {
            let title = title(&plan.server, namespace);
            let title = self.style.paint(Tone::Bold, &title);
            self.line(&title);
            for step in shown.iter().filter(|step| step.address.namespace_address() == *namespace) {
                each(self, step);
            }
            self.line("");
        }
    }

    fn head(&mut self, step: &Step, (sign, tone): (&str, Tone), what: &str) {
        let name = step.address.within_namespace();
        let what = if what.is_empty() { String::new() } else { format!("  {what}") };
        let place =
            step.span.as_ref().map(|span| format!("  {}:{}", span.file, span.line)).unwrap_or_default();
        let line = format!(
            "  {} {}{}{}",
            self.style.paint(tone, sign),
            self.style.paint(Tone::Bold, &name),
            what,
            self.style.paint(Tone::Dim, &place)
        );
        self.line(&line);
    }

    fn step(&mut self, step: &Step) {
        let what = match (step.action, &step.from) {
            (Action::Move, Some(from)) => format!("was {}", from.within_namespace()),
            (Action::Replace, _) => "deleted and made anew".to_owned(),
            (Action::Blocked, _) => "blocked".to_owned(),
            (Action::Unknown, _) => "cannot be read".to_owned(),
            _ => String::new(),
        };
        self.head(step, sign(step.action), &what);
        self.reason(step.reason.as_ref());
        let width = width_of(&step.changes);
        for change in &step.changes {
            self.change(step.action, &readable(step, change), width);
        }
    }

    fn reason(&mut self, reason: Option<&Diagnostic>) {
        let Some(reason) = reason else { return };
        let mut lines = vec![match reason.detail.is_empty() {
            true => reason.summary.clone(),
            false => format!("{}: {}", reason.summary, reason.detail),
        }];
        lines.extend(reason.hints.iter().map(|hint| format!("hint: {hint}")));
        // Servers put their errors on several lines, with tabs.
        let lines = lines.iter().flat_map(|text| text.lines()).map(str::trim).filter(|line| !line.is_empty());
        for line in lines {
            let line = format!("      {}", self.style.paint(Tone::Warned, line));
            self.line(&line);
        }
    }

    fn change(&mut self, action: Action, change: &Change, width: usize) {
        let (sign, tone) = match (change.before.is_null(), change.after.is_null()) {
            (true, _) => ("+", Tone::Added),
            (false, true) => ("-", Tone::Removed),
            (false, false) => ("~", Tone::Changed),
        };
        let name = format!("{}{}", change.field, " ".repeat(width - change.field.width()));
        let note =
            if change.replaces && action != Action::Create { "  (cannot be changed in place)" } else { "" };
        let head = format!("      {} {name}", self.style.paint(tone, sign));
        match (&change.before, &change.after) {
            (Value::Null, Value::String(after)) if after.contains('\n') => {
                self.line(&format!("{head} ="));
                self.text_lines(after);
            }
            (Value::Null, after) => self.line(&format!("{head} = {}{note}", value::inline(after))),
            (before, Value::Null) => self.line(&format!("{head} = {}{note}", value::inline(before))),
            (Value::String(before), Value::String(after))
                if before.contains('\n') || after.contains('\n') =>
            {
                self.line(&format!("{head} ={note}"));
                self.text_change(before, after);
            }
            (before, after) => self.beside(&head, before, after, note),
        }
    }

    /// Before and after: on one line if there is room.
    fn beside(&mut self, head: &str, before: &Value, after: &Value, note: &str) {
        if let Some((before, after)) = lines_of(before, after) {
            self.line(&format!("{head} ={note}"));
            return self.text_change(&before, &after);
        }
        let (before, after) = (value::inline(before), value::inline(after));
        self.line(&format!("{head} = {before} → {after}{note}"));
    }

    fn text_lines(&mut self, text: &str) {
        for line in text.lines() {
            let line = format!("          {}", self.style.paint(Tone::Added, line));
            self.line(&line);
        }
    }

    /// The lines of a text that change, with some around them.
    fn text_change(&mut self, before: &str, after: &str) {
        let diff = TextDiff::from_lines(before, after);
        for (index, group) in diff.grouped_ops(CONTEXT).iter().enumerate() {
            if index > 0 {
                self.line("          …");
            }
            for change in group.iter().flat_map(|operation| diff.iter_changes(operation)) {
                let (sign, tone) = match change.tag() {
                    ChangeTag::Delete => ("-", Some(Tone::Removed)),
                    ChangeTag::Insert => ("+", Some(Tone::Added)),
                    ChangeTag::Equal => (" ", None),
                };
                let line = format!("{sign} {}", change.value().trim_end_matches('\n'));
                let line = tone.map_or_else(|| line.clone(), |tone| self.style.paint(tone, &line));
                self.line(&format!("        {line}"));
            }
        }
        if before.lines().eq(after.lines()) {
            self.line("          (line ends differ)");
        }
    }

    /// One object that is not as declared.
    fn finding(&mut self, step: &Step) {
        let what = match step.action {
            Action::Create => "missing",
            Action::Delete => "still there",
            Action::Move => "not moved yet",
            Action::Unknown => "cannot be read",
            _ => "changed",
        };
        // Seen from the server: what is declared and missing is a loss there.
        let mark = match step.action {
            Action::Create => sign(Action::Delete),
            Action::Delete => sign(Action::Create),
            action => sign(action),
        };
        self.head(step, mark, what);
        if step.action == Action::Unknown {
            self.reason(step.reason.as_ref());
        }
        if step.action == Action::Create {
            return;
        }
        let width = width_of(&step.changes);
        for change in &step.changes {
            self.difference(&readable(step, change), width);
        }
    }

    fn difference(&mut self, change: &Change, width: usize) {
        let name = format!("{}{}", change.field, " ".repeat(width - change.field.width()));
        let is_long = |value: &Value| value.as_str().is_some_and(|text| text.contains('\n'));
        if let (Value::String(live), Value::String(declared)) = (&change.before, &change.after)
            && (is_long(&change.before) || is_long(&change.after))
        {
            let legend = self.style.paint(Tone::Dim, "(- declared, + live)");
            self.line(&format!("      {name}  {legend}"));
            return self.text_change(declared, live);
        }
        let declared = self.style.paint(Tone::Added, &value::inline(&change.after));
        let live = self.style.paint(Tone::Removed, &value::inline(&change.before));
        self.line(&format!("      {name}  declared {declared}, live {live}"));
    }

    /// Objects with values that cannot be compared.
    fn unverifiable(&mut self, plan: &Plan) {
        let unseen: Vec<&Step> = plan.steps.iter().filter(|step| !step.unverifiable.is_empty()).collect();
        if unseen.is_empty() {
            return;
        }
        let title = self.style.paint(Tone::Bold, "not verifiable");
        self.line(&title);
        for step in unseen {
            for Unseen { field, why } in &step.unverifiable {
                let why = self.style.paint(Tone::Dim, &format!("({why})"));
                self.line(&format!("  = {}  {field}  {why}", step.address));
            }
            self.reason(step.reason.as_ref());
        }
        self.line("");
    }
}

/// The change as people read it: durations as `20m`, policies in one layout where both sides can be read, so that
/// only what matters stands out.
fn readable(step: &Step, change: &Change) -> Change {
    let Some(field) = step.kind.field(&change.field) else { return change.clone() };
    let sides = (&change.before, &change.after);
    let (before, after) = match (field.shape, sides) {
        (Shape::Text(Text::AclPolicy), (Value::String(before), Value::String(after))) => {
            match (AclPolicy::parse(before), AclPolicy::parse(after)) {
                (Ok(before), Ok(after)) if before.to_string() != after.to_string() => {
                    (before.to_string().into(), after.to_string().into())
                }
                _ => return change.clone(),
            }
        }
        (Shape::Seconds | Shape::Duration, (before, after)) => (duration(before), duration(after)),
        _ => return change.clone(),
    };
    if before == after {
        return change.clone();
    }
    Change { before, after, ..change.clone() }
}

fn duration(value: &Value) -> Value {
    match value {
        Value::Number(_) => {
            value.as_i64().map_or_else(|| value.clone(), |seconds| schemas::duration::render(seconds).into())
        }
        value => value.clone(),
    }
}

fn width_of(changes: &[Change]) -> usize {
    changes.iter().map(|change| change.field.width()).max().unwrap_or_default()
}

/// Lists and maps that are too long for a line, an element a line.
fn lines_of(before: &Value, after: &Value) -> Option<(String, String)> {
    let is_long = |value: &Value| value::inline(value).chars().count() > MAX_BESIDE;
    if !is_long(before) && !is_long(after) {
        return None;
    }
    Some((elements(before)?, elements(after)?))
}

fn elements(value: &Value) -> Option<String> {
    let lines: Vec<String> = match value {
        Value::List(items) => items.iter().map(value::inline).collect(),
        Value::Map(entries) => {
            entries.iter().map(|(key, value)| format!("{key} = {}", value::inline(value))).collect()
        }
        _ => return None,
    };
    Some(lines.iter().map(|line| format!("{line}\n")).collect())
}

/// The counts of `actions`, as `2 to create, 1 to update`.
fn counts(plan: &Plan, words: &[(Action, &str, Tone)], style: Style) -> Vec<String> {
    let counted = words.iter().map(|(action, word, tone)| (plan.count(*action), word, tone));
    counted
        .filter(|(count, ..)| *count > 0)
        .map(|(count, word, tone)| style.paint(*tone, &format!("{count} {word}")))
        .collect()
}

/// One line that says how much there is to do.
fn summary(plan: &Plan, style: Style) -> String {
    let words = [
        (Action::Create, "to create", Tone::Added),
        (Action::Update, "to update", Tone::Changed),
        (Action::Move, "to move", Tone::Changed),
        (Action::Replace, "to replace", Tone::Removed),
        (Action::Delete, "to delete", Tone::Removed),
        (Action::Blocked, "blocked", Tone::Warned),
        (Action::Unknown, "unknown", Tone::Warned),
    ];
    last_line(plan, style, "Plan:", &words, "nothing to do")
}

fn drift_summary(plan: &Plan, style: Style) -> String {
    let words = [
        (Action::Update, "changed", Tone::Changed),
        (Action::Replace, "changed for good", Tone::Removed),
        (Action::Blocked, "changed, mending is blocked", Tone::Warned),
        (Action::Create, "missing", Tone::Removed),
        (Action::Move, "not moved", Tone::Changed),
        (Action::Delete, "still there", Tone::Removed),
        (Action::Unknown, "cannot be read", Tone::Warned),
    ];
    last_line(plan, style, "Drift:", &words, "none")
}

/// The counts of `words`, or `nothing`; then how much is as it should be.
fn last_line(
    plan: &Plan,
    style: Style,
    title: &str,
    words: &[(Action, &str, Tone)],
    nothing: &str,
) -> String {
    let settled = [(Action::None, "in sync", Tone::Dim)];
    let unseen = plan.steps.iter().filter(|step| is_unseen(step)).count();
    let (found, mut rest) = (counts(plan, words, style), counts(plan, &settled, style));
    let in_part = plan.count(Action::Unverifiable) - unseen;
    for (count, word) in [(in_part, "in sync as far as can be seen"), (unseen, "not looked at")] {
        rest.extend((count > 0).then(|| style.paint(Tone::Dim, &format!("{count} {word}"))));
    }
    let found = if found.is_empty() { nothing.to_owned() } else { found.join(", ") };
    let rest = if rest.is_empty() { String::new() } else { format!("; {}", rest.join(", ")) };
    format!("{} {found}{rest}.\n", style.paint(Tone::Bold, title))
}
