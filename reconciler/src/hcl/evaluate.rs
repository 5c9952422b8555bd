//! Expressions to values.

use std::collections::BTreeMap;
use std::ops::Range;

use hcl_edit::Span as _;
use hcl_edit::expr::{
    Array, Conditional, Expression, FuncCall, Object, ObjectKey, Traversal, TraversalOperator,
};
use schemas::{Diagnostic, Number};

use super::budget::Budget;
use super::collections;
use super::faults::{Eval, Faults, all, both};
use super::scope::Scope;
use super::{functions, operators, template};
use crate::nearest::hint_for;
use crate::value::{Late, Val};

/// Evaluates expressions in a scope.
#[derive(Clone, Copy)]
pub(crate) struct Evaluator<'a> {
    /// What names mean.
    pub(crate) scope: Scope<'a>,
    /// How much more may be made.
    pub(crate) budget: &'a Budget,
    /// Names bound by `for`, innermost first.
    bound: Option<&'a Bound<'a>>,
}

/// A name bound by `for` or by the variables of a template file.
pub(super) struct Bound<'a> {
    pub(super) name: &'a str,
    pub(super) value: Val,
    pub(super) outer: Option<&'a Bound<'a>>,
}

/// Roots of names that are no objects.
pub(super) const ROOTS: [&str; 4] = ["var", "local", "each", "secret"];

impl<'a> Evaluator<'a> {
    pub(crate) fn new(scope: Scope<'a>, budget: &'a Budget) -> Self {
        Self { scope, budget, bound: None }
    }

    /// The same in another scope.
    pub(super) fn elsewhere<'b>(&self, scope: Scope<'b>) -> Evaluator<'b>
    where
        'a: 'b,
    {
        Evaluator { scope, budget: self.budget, bound: None }
    }

    /// The same with `names` alone bound, in another file: for template files.
    pub(super) fn inside<'b>(&self, scope: Scope<'b>, names: &'b Bound<'b>) -> Evaluator<'b>
    where
        'a: 'b,
    {
        Evaluator { scope, budget: self.budget, bound: Some(names) }
    }

    /// Evaluates with `names` bound besides those bound already.
    pub(super) fn with<T>(&self, names: &[(&str, &Val)], then: impl FnOnce(&Evaluator<'_>) -> T) -> T {
        match names {
            [] => then(self),
            [(name, value), rest @ ..] => {
                let bound = Bound { name, value: (*value).clone(), outer: self.bound };
                Evaluator { scope: self.scope, budget: self.budget, bound: Some(&bound) }.with(rest, then)
            }
        }
    }

    /// The value of `expression`.
    pub(crate) fn value(&self, expression: &Expression) -> Eval<Val> {
        let value = self.unweighed(expression)?;
        if self.budget.take(1) {
            return Ok(value);
        }
        Err(self.too_large(expression))
    }

    fn unweighed(&self, expression: &Expression) -> Eval<Val> {
        match expression {
            Expression::Null(_) => Ok(Val::Null),
            Expression::Bool(value) => Ok(Val::Bool(*value.value())),
            Expression::Number(number) => self.number(expression, &number.value().to_string()),
            Expression::String(text) => Ok(Val::String(text.value().clone())),
            Expression::Array(array) => self.array(array),
            Expression::Object(object) => self.object(object),
            Expression::StringTemplate(text) => self.weighed(expression, template::render(self, text)?),
            Expression::HeredocTemplate(text) => {
                self.weighed(expression, template::render_text(self, &text.template)?)
            }
            Expression::Parenthesis(inner) => self.value(inner.inner()),
            Expression::Variable(name) => self.name(name.as_str(), &[], expression).map(|(value, _)| value),
            Expression::Conditional(conditional) => self.conditional(conditional),
            Expression::FuncCall(call) => self.call(call, expression),
            Expression::Traversal(traversal) => self.traversal(traversal, expression),
            Expression::UnaryOp(operation) => {
                let value = self.value(&operation.expr)?;
                operators::unary(*operation.operator.value(), &value)
                    .map_err(|text| self.fault(&operation.expr, text))
            }
            Expression::BinaryOp(operation) => operators::binary(self, operation, expression),
            Expression::ForExpr(each) => self.weighed(expression, collections::for_each(self, each)?),
        }
    }

    /// `value`, if there is room for it.
    fn weighed(&self, expression: &Expression, value: Val) -> Eval<Val> {
        if self.budget.weigh(&value) { Ok(value) } else { Err(self.too_large(expression)) }
    }

    fn too_large(&self, expression: &Expression) -> Faults {
        let text = "the configuration makes more values than there is room for";
        let found = Diagnostic::error(text).hint("look for collections that grow with each step");
        self.at(expression, found)
    }

    fn number(&self, expression: &Expression, fallback: &str) -> Eval<Val> {
        // The parser rounds to 64 bits; the text does not.
        let raw = expression.span().and_then(|range| self.scope.file.text.get(range));
        let raw = raw.filter(|text| text.parse::<f64>().is_ok());
        let number = raw.unwrap_or(fallback).parse::<Number>();
        number.map(Val::Number).map_err(|error| self.fault(expression, error))
    }

    fn array(&self, array: &Array) -> Eval<Val> {
        all(array.iter().map(|item| self.value(item))).map(Val::List)
    }

    fn object(&self, object: &Object) -> Eval<Val> {
        let entries = all(object.iter().map(|(key, value)| both(self.key(key), self.value(value.expr()))))?;
        Ok(Val::Map(entries.into_iter().collect()))
    }

    fn key(&self, key: &ObjectKey) -> Eval<String> {
        match key {
            ObjectKey::Ident(name) => Ok(name.to_string()),
            ObjectKey::Expression(Expression::Variable(name)) => Ok(name.to_string()),
            ObjectKey::Expression(expression) => {
                let value = self.value(expression)?;
                super::text_of(&value).ok_or_else(|| {
                    self.fault(expression, format!("a key must be text, and this is {}", value.describe()))
                })
            }
        }
    }

    fn conditional(&self, conditional: &Conditional) -> Eval<Val> {
        let condition = self.value(&conditional.cond_expr)?;
        match operators::truth(&condition) {
            Some(true) => self.value(&conditional.true_expr),
            Some(false) => self.value(&conditional.false_expr),
            None => Err(self.unfit(&conditional.cond_expr, "the condition", "true or false", &condition)),
        }
    }

    /// Says that `value` is not what is wanted there.
    pub(super) fn unfit(&self, at: &Expression, what: &str, wanted: &str, value: &Val) -> Faults {
        let found = Diagnostic::error(format!("{what} must be {wanted}, and this is {}", value.describe()));
        self.at(at, late_hint(found, value))
    }

    fn call(&self, call: &FuncCall, expression: &Expression) -> Eval<Val> {
        if let Some(outcome) = functions::lazy(self, call) {
            return outcome;
        }
        let mut arguments = all(call.args.iter().map(|argument| self.value(argument)))?;
        if call.args.expand_final() {
            match arguments.pop() {
                Some(Val::List(items)) => arguments.extend(items),
                Some(other) => {
                    return Err(self.unfit(expression, "what stands before `...`", "a list", &other));
                }
                None => {}
            }
        }
        let name = call.name.name.as_str();
        let known = !call.name.is_namespaced() && functions::exists(name);
        if !known {
            return Err(self.unknown_function(call));
        }
        let outcome = functions::apply(self, name, arguments).map_err(|fault| {
            let argument = fault.argument.and_then(|index| call.args.get(index));
            let text = format!("{}: {}", functions::shown(name), fault.text);
            let mut found = Diagnostic::error(text);
            found.hints.extend(fault.hint);
            self.at(argument.unwrap_or(expression), found)
        })?;
        if let Val::Late(late) = &outcome
            && let Late::Secret(reference) = &**late
        {
            let place = || self.scope.file.span(range_of(expression));
            self.scope.secrets.borrow_mut().entry(reference.clone()).or_insert_with(place);
        }
        self.weighed(expression, outcome)
    }

    fn unknown_function(&self, call: &FuncCall) -> Faults {
        let name = call.name.name.as_str();
        let range = call.name.name.span().unwrap_or_default();
        if let Some(source) = name.strip_prefix("secret_") {
            return no_source(source).at_span(&self.scope.file.name, range).into();
        }
        let found =
            Diagnostic::error(format!("there is no function `{name}`")).at_span(&self.scope.file.name, range);
        hint_for(found, name, functions::names()).into()
    }

    fn traversal(&self, traversal: &Traversal, expression: &Expression) -> Eval<Val> {
        let operators: Vec<&TraversalOperator> = traversal.operators.iter().map(|o| o.value()).collect();
        let (mut value, taken) = match &traversal.expr {
            Expression::Variable(root) => self.name(root.as_str(), &operators, expression)?,
            inner => (self.value(inner)?, 0),
        };
        let rest = &operators[taken..];
        if let Some(splat) = rest.iter().position(|operator| is_splat(operator)) {
            for operator in &rest[..splat] {
                value = self.step(value, operator, expression)?;
            }
            return self.splat(value, &rest[splat + 1..], expression);
        }
        for operator in rest {
            value = self.step(value, operator, expression)?;
        }
        Ok(value)
    }

    fn splat(&self, value: Val, after: &[&TraversalOperator], expression: &Expression) -> Eval<Val> {
        let items = match value {
            Val::List(items) => items,
            Val::Null => Vec::new(),
            value if value.is_late() && matches!(value, Val::Late(_)) => {
                return Err(self.unfit(expression, "what stands before `[*]`", "a list", &value));
            }
            single => vec![single],
        };
        let steps = items.into_iter().map(|item| {
            let next_splat = after.iter().position(|operator| is_splat(operator));
            let plain = &after[..next_splat.unwrap_or(after.len())];
            let item = plain.iter().try_fold(item, |item, operator| self.step(item, operator, expression))?;
            match next_splat {
                Some(at) => self.splat(item, &after[at + 1..], expression),
                None => Ok(item),
            }
        });
        all(steps).map(Val::List)
    }

    /// One step of a traversal.
    fn step(&self, value: Val, operator: &TraversalOperator, expression: &Expression) -> Eval<Val> {
        let key = match operator {
            TraversalOperator::GetAttr(name) => Val::String(name.to_string()),
            TraversalOperator::Index(index) => self.value(index)?,
            TraversalOperator::LegacyIndex(index) => {
                Val::Number(i64::try_from(*index.value()).unwrap_or(i64::MAX).into())
            }
            TraversalOperator::AttrSplat(_) | TraversalOperator::FullSplat(_) => return Ok(value),
        };
        if let Val::Object(address) = &value {
            return self.field(address, &key, operator, expression);
        }
        collections::element(value, key).map_err(|found| {
            let range = operator.span().or_else(|| expression.span()).unwrap_or_default();
            found.at_span(&self.scope.file.name, range).into()
        })
    }

    fn field(
        &self,
        address: &crate::Address,
        key: &Val,
        operator: &TraversalOperator,
        expression: &Expression,
    ) -> Eval<Val> {
        let name = super::text_of(key).unwrap_or_default();
        let Some(objects) = self.scope.objects else { return Ok(Val::late(Late::Unsettled)) };
        objects.field(address, &name).map_err(|names| {
            let range = operator.span().or_else(|| expression.span()).unwrap_or_default();
            let found = Diagnostic::error(format!("`{address}` has no field `{name}`"))
                .at_span(&self.scope.file.name, range);
            hint_for(found, &name, names).into()
        })
    }

    /// What the name `root` followed by `operators` means, and how many operators that took.
    fn name(
        &self,
        root: &str,
        operators: &[&TraversalOperator],
        expression: &Expression,
    ) -> Eval<(Val, usize)> {
        if let Some(value) = self.bound_value(root) {
            return Ok((value, 0));
        }
        match root {
            "var" => self.entry(self.scope.variables, ("var", "variable"), operators, expression),
            "local" => {
                let found = self.entry(self.scope.locals, ("local", "local"), operators, expression)?;
                let used = word(operators.first()).and_then(|name| self.scope.local_uses.get(&name));
                self.scope.uses.borrow_mut().extend(used.into_iter().flatten().cloned());
                Ok(found)
            }
            "each" => self.each(operators, expression),
            "secret" => Err(self.secret(operators, expression)),
            _ => self.object_named(root, operators, expression),
        }
    }

    fn bound_value(&self, name: &str) -> Option<Val> {
        let mut next = self.bound;
        while let Some(bound) = next {
            if bound.name == name {
                return Some(bound.value.clone());
            }
            next = bound.outer;
        }
        None
    }

    fn entry(
        &self,
        values: &BTreeMap<String, Val>,
        (root, what): (&str, &str),
        operators: &[&TraversalOperator],
        expression: &Expression,
    ) -> Eval<(Val, usize)> {
        let Some(name) = word(operators.first()) else {
            return Err(self.fault(expression, format!("the name of a {what} must follow")));
        };
        if let Some(value) = values.get(&name) {
            return Ok((self.weighed(expression, value.clone())?, 1));
        }
        if self.scope.broken.contains(&format!("{root}.{name}")) {
            return Err(Faults::default());
        }
        let found = Diagnostic::error(format!("there is no {what} `{name}`"));
        Err(self.at(expression, hint_for(found, &name, values.keys().map(String::as_str))))
    }

    fn each(&self, operators: &[&TraversalOperator], expression: &Expression) -> Eval<(Val, usize)> {
        let Some((key, value)) = self.scope.each else {
            let found =
                Diagnostic::error("`each` has no meaning here").because("the block has no `for_each`");
            return Err(self.at(expression, found));
        };
        match word(operators.first()).as_deref() {
            Some("key") => Ok((key.into(), 1)),
            Some("value") => Ok((value.clone(), 1)),
            _ => Err(self.fault(expression, "only `each.key` and `each.value` are there".to_owned())),
        }
    }

    fn secret(&self, operators: &[&TraversalOperator], expression: &Expression) -> Faults {
        let name = word(operators.first()).unwrap_or_default();
        self.at(expression, no_source(&name))
    }

    fn object_named(
        &self,
        root: &str,
        operators: &[&TraversalOperator],
        expression: &Expression,
    ) -> Eval<(Val, usize)> {
        let mut words = vec![root.to_owned()];
        for operator in operators {
            match self.word_of(operator) {
                Some(word) => words.push(word),
                None => break,
            }
        }
        let Some(objects) = self.scope.objects else {
            return Ok((Val::late(Late::Unsettled), operators.len().min(words.len() - 1)));
        };
        if let Some((value, taken)) = objects.find(self.scope.at, &words) {
            self.note(&value);
            return Ok((value, taken - 1));
        }
        Err(self.unknown_name(objects, root, &words, expression))
    }

    /// Remembers that an object was named.
    fn note(&self, value: &Val) {
        match value {
            Val::Object(address) => drop(self.scope.uses.borrow_mut().insert(address.clone())),
            Val::Map(entries) => entries.values().for_each(|value| self.note(value)),
            _ => {}
        }
    }

    fn unknown_name(
        &self,
        objects: &dyn super::Objects,
        root: &str,
        words: &[String],
        expression: &Expression,
    ) -> Faults {
        let suggestions = objects.suggestions(self.scope.at);
        let shown = words.iter().take(2).map(String::as_str).collect::<Vec<_>>().join(".");
        if objects.is_block(root) {
            let found = Diagnostic::error(format!("`{shown}` is not declared"));
            return self.at(expression, hint_for(found, &shown, suggestions.iter().map(String::as_str)));
        }
        let found = Diagnostic::error(format!("`{root}` means nothing here"));
        let names = ROOTS.into_iter().chain(suggestions.iter().map(String::as_str));
        let quoted = format!("if `{root}` is text, put it in quotes");
        let found = hint_for(found, root, names);
        self.at(expression, if words.len() == 1 { found.hint(quoted) } else { found })
    }

    fn word_of(&self, operator: &TraversalOperator) -> Option<String> {
        match operator {
            TraversalOperator::GetAttr(name) => Some(name.to_string()),
            TraversalOperator::Index(index) => super::text_of(&self.value(index).ok()?),
            _ => None,
        }
    }

    /// A fault at `expression`.
    pub(super) fn fault(&self, expression: &Expression, text: impl Into<String>) -> Faults {
        self.at(expression, Diagnostic::error(text))
    }

    /// A fault of a call.
    pub(super) fn fault_at(&self, call: &FuncCall, text: &str) -> Faults {
        Diagnostic::error(text).at_span(&self.scope.file.name, call.span().unwrap_or_default()).into()
    }

    /// `found`, said of `expression`.
    pub(super) fn at(&self, expression: &Expression, found: Diagnostic) -> Faults {
        found.at_span(&self.scope.file.name, range_of(expression)).into()
    }
}

fn no_source(name: &str) -> Diagnostic {
    Diagnostic::error(format!("`secret.{name}` is no source of secrets")).hint(
        "the sources are `secret.env(NAME)`, `secret.file(PATH)`, `secret.exec([COMMAND, …])` and `secret.kv(PATH, FIELD)`",
    )
}

fn range_of(expression: &Expression) -> Range<usize> {
    expression.span().unwrap_or_default()
}

/// Explains why a late value cannot be used, if it is one.
pub(super) fn late_hint(found: Diagnostic, value: &Val) -> Diagnostic {
    if !value.is_late() {
        return found;
    }
    found.because("what is to be done must not depend on what is known only while applying")
}

fn is_splat(operator: &TraversalOperator) -> bool {
    matches!(operator, TraversalOperator::AttrSplat(_) | TraversalOperator::FullSplat(_))
}

fn word(operator: Option<&&TraversalOperator>) -> Option<String> {
    match operator? {
        TraversalOperator::GetAttr(name) => Some(name.to_string()),
        TraversalOperator::Index(Expression::String(name)) => Some(name.value().clone()),
        _ => None,
    }
}
