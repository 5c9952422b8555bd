//! Templates: text with interpolations and directives.

use hcl_edit::expr::Expression;
use hcl_edit::template::{
    Directive, Element, ForDirective, IfDirective, Interpolation, StringTemplate, Strip, Template,
};

use super::collections::entries;
use super::evaluate::Evaluator;
use super::faults::{Eval, Faults};
use super::{operators, text_of};
use crate::value::{Late, Val};

/// The value of a quoted template. One that is a single interpolation is that value, whatever it is.
pub(super) fn render(evaluator: &Evaluator<'_>, text: &StringTemplate) -> Eval<Val> {
    match text.as_single_element() {
        Some(Element::Interpolation(single)) => evaluator.value(&single.expr),
        _ => render_text(evaluator, text),
    }
}

/// The text of a template.
pub(super) fn render_text(evaluator: &Evaluator<'_>, template: &Template) -> Eval<Val> {
    let mut parts = Vec::new();
    collect(evaluator, template, (false, false), &mut parts)?;
    Ok(join(parts))
}

/// Texts put together, as far as they are known.
fn join(parts: Vec<Val>) -> Val {
    let mut joined: Vec<Val> = Vec::new();
    for part in parts {
        match (joined.last_mut(), part) {
            (_, Val::String(text)) if text.is_empty() => {}
            (Some(Val::String(before)), Val::String(text)) => before.push_str(&text),
            (_, part) => joined.push(part),
        }
    }
    match joined.len() {
        0 => Val::String(String::new()),
        1 if !joined[0].is_late() => joined.remove(0),
        _ => Val::late(Late::Concat(joined)),
    }
}

/// Adds the parts of `template`. `trim` tells whether `~` of the surrounding directive strips its ends.
fn collect(
    evaluator: &Evaluator<'_>,
    template: &Template,
    trim: (bool, bool),
    parts: &mut Vec<Val>,
) -> Eval<()> {
    let elements: Vec<&Element> = template.iter().collect();
    let mut failed: Option<Faults> = None;
    for (index, element) in elements.iter().enumerate() {
        let outcome = match element {
            Element::Literal(text) => {
                let before = match index.checked_sub(1) {
                    Some(index) => strips(elements[index]).1,
                    None => trim.0,
                };
                let after = elements.get(index + 1).map_or(trim.1, |next| strips(next).0);
                parts.push(Val::String(stripped(text, before, after).to_owned()));
                Ok(())
            }
            Element::Interpolation(inner) => interpolate(evaluator, inner).map(|value| parts.push(value)),
            Element::Directive(directive) => match &**directive {
                Directive::If(branch) => conditional(evaluator, branch, parts),
                Directive::For(each) => repeat(evaluator, each, parts),
            },
        };
        if let Err(Faults(more)) = outcome {
            failed.get_or_insert_default().0.extend(more);
        }
    }
    failed.map_or(Ok(()), Err)
}

/// Whether the element strips the text before it, and the text after it.
fn strips(element: &Element) -> (bool, bool) {
    let (first, last) = match element {
        Element::Literal(_) => return (false, false),
        Element::Interpolation(inner) => (inner.strip, inner.strip),
        Element::Directive(directive) => match &**directive {
            Directive::If(branch) => (branch.if_expr.strip, branch.endif_expr.strip),
            Directive::For(each) => (each.for_expr.strip, each.endfor_expr.strip),
        },
    };
    (at_start(first), at_end(last))
}

fn at_start(strip: Strip) -> bool {
    matches!(strip, Strip::Start | Strip::Both)
}

fn at_end(strip: Strip) -> bool {
    matches!(strip, Strip::End | Strip::Both)
}

fn stripped(text: &str, before: bool, after: bool) -> &str {
    let text = if before { text.trim_start() } else { text };
    if after { text.trim_end() } else { text }
}

fn interpolate(evaluator: &Evaluator<'_>, inner: &Interpolation) -> Eval<Val> {
    let value = evaluator.value(&inner.expr)?;
    if matches!(value, Val::Late(_)) {
        return Ok(value);
    }
    let text = text_of(&value).map(Val::String);
    text.ok_or_else(|| {
        evaluator.unfit(&inner.expr, "what is put into text", "text, a number or a truth value", &value)
    })
}

fn conditional(evaluator: &Evaluator<'_>, branch: &IfDirective, parts: &mut Vec<Val>) -> Eval<()> {
    let value = evaluator.value(&branch.if_expr.cond_expr)?;
    let condition = operators::truth(&value).ok_or_else(|| {
        evaluator.unfit(&branch.if_expr.cond_expr, "the condition", "true or false", &value)
    })?;
    let end = at_start(branch.endif_expr.strip);
    match (&branch.else_expr, condition) {
        (Some(other), true) => {
            let trim = (at_end(branch.if_expr.strip), at_start(other.strip));
            collect(evaluator, &branch.if_expr.template, trim, parts)
        }
        (Some(other), false) => collect(evaluator, &other.template, (at_end(other.strip), end), parts),
        (None, true) => {
            collect(evaluator, &branch.if_expr.template, (at_end(branch.if_expr.strip), end), parts)
        }
        (None, false) => Ok(()),
    }
}

fn repeat(evaluator: &Evaluator<'_>, each: &ForDirective, parts: &mut Vec<Val>) -> Eval<()> {
    let intro = &each.for_expr;
    let items = entries_of(evaluator, &intro.collection_expr)?;
    let trim = (at_end(intro.strip), at_start(each.endfor_expr.strip));
    for (key, value) in items {
        let mut names = vec![(intro.value_var.as_str(), &value)];
        if let Some(name) = &intro.key_var {
            names.push((name.as_str(), &key));
        }
        let before = parts.len();
        evaluator.with(&names, |inner| collect(inner, &intro.template, trim, parts))?;
        // Each round counts, so that nested loops end.
        let room =
            parts[before..].iter().all(|part| evaluator.budget.weigh(part)) && evaluator.budget.take(1);
        if !room {
            return Err(evaluator.fault(&intro.collection_expr, "the text becomes too long"));
        }
    }
    Ok(())
}

/// The keys and values of a collection.
pub(super) fn entries_of(evaluator: &Evaluator<'_>, collection: &Expression) -> Eval<Vec<(Val, Val)>> {
    let value = evaluator.value(collection)?;
    match entries(value) {
        Ok(entries) => Ok(entries),
        Err(value) => Err(evaluator.unfit(collection, "what `for` goes through", "a list or a map", &value)),
    }
}
