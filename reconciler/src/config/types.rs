//! Types of variables.

use std::collections::BTreeMap;

use hcl_edit::expr::{Expression, ObjectKey};

use crate::hcl::{operators, text_of};
use crate::value::Val;

/// What a variable may hold.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Type {
    Any,
    Text,
    Number,
    Bool,
    List(Box<Type>),
    Set(Box<Type>),
    Map(Box<Type>),
    /// Attributes, each with its type and whether it may be left out.
    Object(BTreeMap<String, (Type, bool)>),
    Tuple(Vec<Type>),
}

impl Type {
    /// True if a value of the command line is taken as it stands.
    pub(super) fn is_text(&self) -> bool {
        matches!(self, Type::Text | Type::Any | Type::Number | Type::Bool)
    }

    /// The type that `expression` names; `None` if it names none.
    pub(super) fn parse(expression: &Expression) -> Option<Self> {
        match expression {
            Expression::Variable(name) => Self::simple(name.as_str()),
            Expression::String(name) => Self::simple(name.value()),
            Expression::FuncCall(call) => {
                let mut arguments = call.args.iter();
                let inner = arguments.next().filter(|_| call.args.len() == 1)?;
                match call.name.name.as_str() {
                    "list" => Some(Type::List(Box::new(Type::parse(inner)?))),
                    "set" => Some(Type::Set(Box::new(Type::parse(inner)?))),
                    "map" => Some(Type::Map(Box::new(Type::parse(inner)?))),
                    "object" => Self::object(inner),
                    "tuple" => {
                        let items = inner.as_array()?.iter().map(Type::parse).collect::<Option<_>>()?;
                        Some(Type::Tuple(items))
                    }
                    _ => None,
                }
            }
            _ => None,
        }
    }

    fn simple(name: &str) -> Option<Self> {
        Some(match name {
            "any" => Type::Any,
            "string" => Type::Text,
            "number" => Type::Number,
            "bool" => Type::Bool,
            "list" => Type::List(Box::new(Type::Any)),
            "set" => Type::Set(Box::new(Type::Any)),
            "map" => Type::Map(Box::new(Type::Any)),
            _ => return None,
        })
    }

    fn object(expression: &Expression) -> Option<Self> {
        let attributes = expression.as_object()?.iter().map(|(key, value)| {
            let name = match key {
                ObjectKey::Ident(name) => name.to_string(),
                ObjectKey::Expression(Expression::Variable(name)) => name.to_string(),
                ObjectKey::Expression(Expression::String(name)) => name.value().clone(),
                ObjectKey::Expression(_) => return None,
            };
            Some((name, Self::attribute(value.expr())?))
        });
        attributes.collect::<Option<_>>().map(Type::Object)
    }

    fn attribute(expression: &Expression) -> Option<(Self, bool)> {
        if let Expression::FuncCall(call) = expression
            && call.name.name.as_str() == "optional"
        {
            return Some((Type::parse(call.args.iter().next()?)?, true));
        }
        Some((Type::parse(expression)?, false))
    }

    /// `value` as this type has it.
    ///
    /// # Errors
    /// What was expected; never the value.
    pub(super) fn fit(&self, value: Val) -> Result<Val, String> {
        match (self, value) {
            (_, Val::Null) => Ok(Val::Null),
            (Type::Any, value) => Ok(value),
            (Type::Text, value) => text_of(&value).map(Val::String).ok_or_else(|| "text".to_owned()),
            (Type::Number, value) => {
                operators::number(&value).map(Val::Number).ok_or_else(|| "a number".to_owned())
            }
            (Type::Bool, value) => {
                operators::truth(&value).map(Val::Bool).ok_or_else(|| "true or false".to_owned())
            }
            (Type::List(inner), Val::List(items)) => inner.fit_all(items).map(Val::List),
            (Type::Set(inner), Val::List(items)) => {
                let mut items = inner.fit_all(items)?;
                items.sort_by_key(text_of);
                items.dedup();
                Ok(Val::List(items))
            }
            (Type::Map(inner), Val::Map(entries)) => {
                let entries = entries.into_iter().map(|(key, value)| Ok((key, inner.fit(value)?)));
                entries.collect::<Result<_, String>>().map(Val::Map)
            }
            (Type::Object(attributes), Val::Map(entries)) => fit_object(attributes, entries),
            (Type::Tuple(types), Val::List(items)) if types.len() == items.len() => {
                let items = types.iter().zip(items).map(|(each, item)| each.fit(item));
                items.collect::<Result<_, _>>().map(Val::List)
            }
            (Type::List(_) | Type::Set(_), _) => Err("a list".to_owned()),
            (Type::Tuple(types), _) => Err(format!("a list of {}", types.len())),
            (Type::Map(_) | Type::Object(_), _) => Err("a map".to_owned()),
        }
    }

    fn fit_all(&self, items: Vec<Val>) -> Result<Vec<Val>, String> {
        items
            .into_iter()
            .map(|item| self.fit(item))
            .collect::<Result<_, _>>()
            .map_err(|e| format!("a list with {e} in it"))
    }
}

fn fit_object(
    attributes: &BTreeMap<String, (Type, bool)>,
    mut entries: BTreeMap<String, Val>,
) -> Result<Val, String> {
    let fitted = attributes.iter().map(|(name, (each, optional))| match entries.remove(name) {
        Some(value) => Ok((name.clone(), each.fit(value).map_err(|e| format!("{e} in `{name}`"))?)),
        None if *optional => Ok((name.clone(), Val::Null)),
        None => Err(format!("a map with `{name}`")),
    });
    fitted.collect::<Result<_, _>>().map(Val::Map)
}
