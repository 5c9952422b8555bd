//! Operators.

use bigdecimal::{BigDecimal, Zero};
use hcl_edit::expr::{BinaryOp, BinaryOperator, Expression, UnaryOperator};
use schemas::Number;

use super::evaluate::Evaluator;
use super::faults::{Eval, both};
use super::text_of;
use crate::value::Val;

/// Most digits of a computed number, before or after the point.
const MAX_DIGITS: i64 = 1_000;

/// Digits after the point that a division is carried to.
const DIVISION_DIGITS: u64 = 50;

/// The truth of a value; `None` if it has none.
pub(crate) fn truth(value: &Val) -> Option<bool> {
    match value.opened() {
        Val::Bool(value) => Some(*value),
        Val::String(text) if text == "true" => Some(true),
        Val::String(text) if text == "false" => Some(false),
        _ => None,
    }
}

/// The number that a value is or spells.
pub(crate) fn number(value: &Val) -> Option<Number> {
    match value.opened() {
        Val::Number(number) => Some(number.clone()),
        Val::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

/// A computed number, if it is not absurdly long.
pub(super) fn computed(decimal: BigDecimal) -> Result<Val, String> {
    let (digits, scale) = (decimal.digits(), decimal.fractional_digit_count());
    let fits = i64::try_from(digits).is_ok_and(|digits| digits <= MAX_DIGITS) && scale.abs() <= MAX_DIGITS;
    if fits { Ok(Val::Number(decimal.into())) } else { Err("the number has too many digits".to_owned()) }
}

pub(super) fn unary(operator: UnaryOperator, value: &Val) -> Result<Val, String> {
    match operator {
        UnaryOperator::Not => truth(value)
            .map(|value| Val::Bool(!value))
            .ok_or_else(|| format!("`!` needs true or false, and this is {}", value.describe())),
        UnaryOperator::Neg => number(value)
            .map(|number| Val::Number((-number.decimal().clone()).into()))
            .ok_or_else(|| format!("`-` needs a number, and this is {}", value.describe())),
    }
}

pub(super) fn binary(evaluator: &Evaluator<'_>, operation: &BinaryOp, whole: &Expression) -> Eval<Val> {
    let operator = *operation.operator.value();
    if matches!(operator, BinaryOperator::And | BinaryOperator::Or) {
        return logic(evaluator, operation, operator);
    }
    let (left, right) = both(evaluator.value(&operation.lhs_expr), evaluator.value(&operation.rhs_expr))?;
    if matches!(operator, BinaryOperator::Eq | BinaryOperator::NotEq) {
        return equality(evaluator, operation, (&left, &right), operator == BinaryOperator::Eq);
    }
    let operand = |value: &Val, at: &Expression| {
        number(value)
            .ok_or_else(|| evaluator.unfit(at, &format!("an operand of `{operator}`"), "a number", value))
    };
    let (a, b) = both(operand(&left, &operation.lhs_expr), operand(&right, &operation.rhs_expr))?;
    arithmetic(operator, &a, &b).map_err(|text| evaluator.fault(whole, text))
}

/// `&&` and `||`: the right side counts only if the left does not decide.
fn logic(evaluator: &Evaluator<'_>, operation: &BinaryOp, operator: BinaryOperator) -> Eval<Val> {
    let side = |at: &Expression| {
        let value = evaluator.value(at)?;
        truth(&value).ok_or_else(|| {
            evaluator.unfit(at, &format!("an operand of `{operator}`"), "true or false", &value)
        })
    };
    let left = side(&operation.lhs_expr)?;
    if left == (operator == BinaryOperator::Or) {
        return Ok(Val::Bool(left));
    }
    side(&operation.rhs_expr).map(Val::Bool)
}

fn equality(
    evaluator: &Evaluator<'_>,
    operation: &BinaryOp,
    (left, right): (&Val, &Val),
    wanted: bool,
) -> Eval<Val> {
    for (value, at) in [(left, &operation.lhs_expr), (right, &operation.rhs_expr)] {
        if value.is_late() {
            return Err(evaluator.unfit(at, "what is compared", "known", value));
        }
    }
    Ok(Val::Bool(equal(left, right) == wanted))
}

/// Whether two values are equal; objects are equal to their names.
pub(super) fn equal(a: &Val, b: &Val) -> bool {
    match (a.opened(), b.opened()) {
        (Val::Object(_), Val::String(_)) | (Val::String(_), Val::Object(_)) => text_of(a) == text_of(b),
        (a, b) => a == b,
    }
}

fn arithmetic(operator: BinaryOperator, a: &Number, b: &Number) -> Result<Val, String> {
    let (x, y) = (a.decimal(), b.decimal());
    match operator {
        BinaryOperator::Plus => computed(x + y),
        BinaryOperator::Minus => computed(x - y),
        BinaryOperator::Mul => computed(x * y),
        BinaryOperator::Div | BinaryOperator::Mod if y.is_zero() => Err("division by zero".to_owned()),
        BinaryOperator::Div => computed(divide(x, y)),
        BinaryOperator::Mod => computed(x % y),
        BinaryOperator::Less => Ok(Val::Bool(a < b)),
        BinaryOperator::LessEq => Ok(Val::Bool(a <= b)),
        BinaryOperator::Greater => Ok(Val::Bool(a > b)),
        BinaryOperator::GreaterEq => Ok(Val::Bool(a >= b)),
        BinaryOperator::Eq | BinaryOperator::NotEq | BinaryOperator::And | BinaryOperator::Or => {
            Err(format!("`{operator}` is not arithmetic"))
        }
    }
}

fn divide(x: &BigDecimal, y: &BigDecimal) -> BigDecimal {
    (x / y).with_prec(DIVISION_DIGITS).normalized()
}
