//! Functions on numbers.

use bigdecimal::{BigDecimal, RoundingMode, Signed, Zero};
use schemas::Number;

use super::WhenLate::Waits;
use super::{ANY, Arguments, Fault, Function, pure};
use crate::hcl::operators::{self, computed};
use crate::value::Val;

pub(super) static FUNCTIONS: &[Function] = &[
    pure("abs", (1, 1), Waits, |a| Ok(exact(a.number(0)?.decimal().abs()))),
    pure("ceil", (1, 1), Waits, |a| Ok(rounded(&a.number(0)?, RoundingMode::Ceiling))),
    pure("floor", (1, 1), Waits, |a| Ok(rounded(&a.number(0)?, RoundingMode::Floor))),
    pure("max", (1, ANY), Waits, |a| {
        Ok(Val::Number(numbers(a)?.into_iter().max().unwrap_or_else(|| 0.into())))
    }),
    pure("min", (1, ANY), Waits, |a| {
        Ok(Val::Number(numbers(a)?.into_iter().min().unwrap_or_else(|| 0.into())))
    }),
    pure("parseint", (2, 2), Waits, parseint),
    pure("pow", (2, 2), Waits, pow),
    pure("signum", (1, 1), Waits, |a| Ok(exact(a.number(0)?.decimal().signum()))),
    pure("sum", (1, 1), Waits, sum),
    pure("tonumber", (1, 1), Waits, |a| {
        if *a.value(0) == Val::Null { Ok(Val::Null) } else { Ok(Val::Number(a.number(0)?)) }
    }),
    pure("tobool", (1, 1), Waits, tobool),
];

fn exact(decimal: BigDecimal) -> Val {
    Val::Number(decimal.into())
}

fn rounded(number: &Number, mode: RoundingMode) -> Val {
    exact(number.decimal().with_scale_round(0, mode))
}

fn numbers(arguments: &Arguments) -> Result<Vec<Number>, Fault> {
    (0..arguments.len()).map(|index| arguments.number(index)).collect()
}

fn sum(arguments: &Arguments) -> Result<Val, Fault> {
    let mut total = BigDecimal::zero();
    for item in arguments.list(0)? {
        let number =
            operators::number(item).ok_or_else(|| Fault::new("the list must hold numbers alone").of(0))?;
        total += number.decimal();
    }
    computed(total).map_err(Fault::new)
}

fn pow(arguments: &Arguments) -> Result<Val, Fault> {
    let exponent = arguments.whole(1)?;
    let steps = u32::try_from(exponent.unsigned_abs()).ok().filter(|steps| *steps <= 1000);
    let steps = steps.ok_or_else(|| Fault::new("the exponent must be -1000 to 1000").of(1))?;
    let base = arguments.number(0)?;
    let mut result = BigDecimal::from(1);
    for _ in 0..steps {
        let Val::Number(next) = computed(&result * base.decimal()).map_err(Fault::new)? else { break };
        result = next.decimal().clone();
    }
    if exponent >= 0 {
        return Ok(exact(result));
    }
    if result.is_zero() {
        return Err(Fault::new("division by zero").of(0));
    }
    computed((BigDecimal::from(1) / result).with_prec(50)).map_err(Fault::new)
}

fn parseint(arguments: &Arguments) -> Result<Val, Fault> {
    let base = u32::try_from(arguments.whole(1)?).ok().filter(|base| (2..=36).contains(base));
    let base = base.ok_or_else(|| Fault::new("the base must be 2 to 36").of(1))?;
    let number = i64::from_str_radix(&arguments.text(0)?, base);
    number
        .map(|number| Val::Number(number.into()))
        .map_err(|_| Fault::new(format!("this is no number of base {base}")).of(0))
}

fn tobool(arguments: &Arguments) -> Result<Val, Fault> {
    match arguments.value(0) {
        Val::Null => Ok(Val::Null),
        value => operators::truth(value)
            .map(Val::Bool)
            .ok_or_else(|| Fault::new(format!("this is {}, neither true nor false", value.describe())).of(0)),
    }
}
