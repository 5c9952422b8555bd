//! Sources of secrets: what is made here is a reference; the value is fetched while applying. And the mark for what
//! stands beside them and is none.

use super::WhenLate::{Refuses, Shows};
use super::{Arguments, Body, Fault, Function, files, pure};
use crate::hcl::evaluate::Evaluator;
use crate::value::{Late, SecretRef, Val};

pub(super) static FUNCTIONS: &[Function] = &[
    pure("nonsensitive", (1, 1), Shows, |a| Ok(a.value(0).open())),
    pure("secret_env", (1, 1), Refuses, |a| Ok(secret(SecretRef::Env(a.text(0)?)))),
    Function { name: "secret_file", least: 1, most: 1, late: Refuses, body: Body::Files(file) },
    pure("secret_exec", (1, 1), Refuses, exec),
    pure("secret_kv", (2, 2), Refuses, |a| {
        let (path, field) = (a.text(0)?.trim_matches('/').to_owned(), a.text(1)?);
        // The object that names it says where.
        Ok(secret(SecretRef::Kv { namespace: String::new(), path, field }))
    }),
];

fn secret(reference: SecretRef) -> Val {
    Val::late(Late::Secret(reference))
}

fn file(evaluator: &Evaluator<'_>, arguments: &Arguments) -> Result<Val, Fault> {
    Ok(secret(SecretRef::File(files::located(evaluator, arguments)?.display().to_string())))
}

fn exec(arguments: &Arguments) -> Result<Val, Fault> {
    let command = arguments.texts(0)?;
    if command.first().is_none_or(String::is_empty) {
        return Err(Fault::new("the list must begin with a program").of(0));
    }
    Ok(secret(SecretRef::Exec(command)))
}
